int answer(int a) { return a * 42; }
void _start(void) { answer(1); }
