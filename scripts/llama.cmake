# Builds of llama.cpp only what AGX loads: the libraries llama, ggml, ggml-base and the backends. CMake reads this
# file at the top project of llama-cpp-python (CMAKE_PROJECT_llama_cpp_INCLUDE).

# A normal variable, since the project forces the cache's one.
set(LLAMA_BUILD_COMMON OFF)
set(LLAVA_BUILD OFF)

# Most of the time is the same headers again, in more than a hundred model files: compile them in few units.
# ggml's own C files define the same names and cannot be joined.
function(agx_join_sources)
    if(TARGET llama)
        set_target_properties(llama PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 48)
    endif()
endfunction()
cmake_language(DEFER CALL agx_join_sources)
