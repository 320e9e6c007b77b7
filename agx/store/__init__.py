"""What AGX keeps in files: the plan that is being built, and the plans that are finished."""
