~Version ---------------------------------------------------
VERS.   2.0 : CWLS log ASCII Standard -VERSION 2.0
WRAP.    NO : One line per depth step
DLM . SPACE : Column Data Section Delimiter
~Well ------------------------------------------------------
STRT.M       100.00000 : START DEPTH
STOP.M       109.50000 : STOP DEPTH
STEP.M         0.50000 : STEP
NULL.         -9999.25 : NULL VALUE
COMP.         ACME OIL : COMPANY
WELL.  Any et al 12-34 : WELL
FLD .          WILDCAT : FIELD
LOC .                  : LOCATION
PROV.                  : PROVINCE
CNTY.                  : COUNTY
STAT.                  : STATE
CTRY.                  : COUNTRY
SRVC.                  : SERVICE COMPANY
DATE.       2024-02-29 : DATE
UWI . 100123401234W500 : UNIQUE WELL ID
API .                  : API NUMBER
~Curve Information -----------------------------------------
DEPT.M                 : Depth
GR  .GAPI 45 310 01 00 : Gamma ray
~Params ----------------------------------------------------
BHT.DEGC 35.5 : Bottom hole temperature
MUD. GEL CHEM : Mud type: old
~Other -----------------------------------------------------
First remark
Second remark
~ASCII -----------------------------------------------------
  100.00000    0.00000
  100.50000    1.00000
  101.00000    2.00000
  101.50000    3.00000
  102.00000    4.00000
  102.50000    5.00000
  103.00000    6.00000
  103.50000    7.00000
  104.00000    8.00000
  104.50000    9.00000
  105.00000   10.00000
  105.50000   11.00000
  106.00000   12.00000
  106.50000   13.00000
  107.00000   14.00000
  107.50000   15.00000
  108.00000   16.00000
  108.50000   17.00000
  109.00000   18.00000
  109.50000   19.00000
