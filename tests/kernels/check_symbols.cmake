# SPDX-License-Identifier: Apache-2.0
# An instruction-set file that emits a weak symbol (an inline function or template that others emit, too)
# could lend it to the baseline path: an illegal instruction on an older machine. None may do so.
execute_process(COMMAND ${NM} -C -A ${ARCHIVE} OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "nm could not read ${ARCHIVE}")
endif()
string(REPLACE "\n" ";" lines "${symbols}")
set(seen 0)
foreach(line IN LISTS lines)
  if(line MATCHES "_(avx|amx)[a-z0-9_]*\\.cpp\\.o:")
    math(EXPR seen "${seen}+1")
    # DW.ref. names data that unwinding reads, in sanitized builds.
    if(line MATCHES " [WVu] " AND NOT line MATCHES " V DW\\.ref\\.")
      message(SEND_ERROR "shared symbol in an instruction-set file: ${line}")
    endif()
  endif()
endforeach()
message(STATUS "${seen} symbols of instruction-set files, none shared")
