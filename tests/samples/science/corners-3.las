~Version
VERS. 3.0 : CWLS LOG ASCII STANDARD -VERSION 3.0
WRAP. NO :
DLM. COMMA :
~Well
STRT.M 1670.0 : First
STOP.M 1669.75 : Last
STEP.M -0.25 : Step
NULL. -999.25 : Null
UWI. 00123456789012345 : UNIQUE WELL ID
API. 0012345678 : API
~Parameter
RUN. 1 {I} : Run number
~Core_Parameters[1]
C_SRS. TEST {S} : Core source
~Core_Definition[1]
CORET.M {F} : Core top
~Core_Data[1] | Core_Definition[1]
1
~Log_Definition
DEPT.M {F} : Depth
DT.US/M 123 450 {F} : Sonic
~Log_Data | Log_Definition
1670.0,123.45
1669.75,123.45
