# Builds of llama.cpp only what AGX loads: the libraries llama, ggml, ggml-base and the backends. CMake reads this
# file when it enters the top project of llama-cpp-python (CMAKE_PROJECT_llama_cpp_INCLUDE).

# Normal variables, since the project forces the cache's ones. No tools, server, tests, multimodal.
set(LLAMA_BUILD_COMMON OFF)
set(LLAVA_BUILD OFF)

# More than a hundred model files include the same headers: llama.cpp joins 16 of them in a unit, this more.
# ggml's own C files define the same names and cannot be joined.
function(agx_join_sources)
    if(TARGET llama)
        set_target_properties(llama PROPERTIES UNITY_BUILD_BATCH_SIZE 48)
    endif()
endfunction()
cmake_language(DEFER CALL agx_join_sources)
