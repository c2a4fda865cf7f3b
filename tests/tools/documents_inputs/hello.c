/* A program of few parts. */
const char note[] = "Zoe: hello";
#ifdef _WIN32
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif
PUBLIC int answer(void) { return 42; }
int main(void) { return answer() - 42; }
