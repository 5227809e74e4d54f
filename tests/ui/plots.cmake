# SPDX-License-Identifier: GPL-3.0-or-later
# Tests of ui/plots and ui/labs, and the gallery that paints every plot into PNG files.
add_library(quantscope_plot_samples STATIC plot_samples.cpp)
target_include_directories(quantscope_plot_samples PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(quantscope_plot_samples PUBLIC quantscope_ui_plots)
add_executable(plot_gallery plot_gallery.cpp)
set_target_properties(plot_gallery PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(plot_gallery PRIVATE quantscope_plot_samples)

quantscope_test(test_plots_views GUI SOURCES test_plots_views.cpp LINK quantscope_plot_samples)
quantscope_test(test_labs_views GUI SOURCES test_labs_views.cpp LINK quantscope_ui_labs)
