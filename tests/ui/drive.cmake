# SPDX-License-Identifier: GPL-3.0-or-later
# The whole window over the real engine, offscreen.
foreach(topic window calibration controls drag matmul)
  quantscope_test(test_drive_${topic} GUI SOURCES test_drive_${topic}.cpp LINK quantscope_ui)
endforeach()
