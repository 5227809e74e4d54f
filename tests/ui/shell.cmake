# SPDX-License-Identifier: GPL-3.0-or-later
# Tests of ui/shell: models, panels, document and window, offscreen.
foreach(topic sources variants session window)
  quantscope_test(test_shell_${topic} GUI SOURCES test_shell_${topic}.cpp LINK quantscope_ui_shell Qt6::Widgets)
endforeach()
