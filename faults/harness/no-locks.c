/* File locks that succeed without effect, as on some network file systems: preloaded into a process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>

typedef int (*fcntl_function)(int, int, ...);

static int is_lock(int command) {
  return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

static int call(const char *name, int file, int command, void *argument) {
  if (is_lock(command)) return 0;
  if (command == F_GETLK || command == F_OFD_GETLK) {
    ((struct flock *)argument)->l_type = F_UNLCK;
    return 0;
  }
  return ((fcntl_function)dlsym(RTLD_NEXT, name))(file, command, argument);
}

#define DEFINE(name)                           \
  int name(int file, int command, ...) {       \
    va_list arguments;                         \
    va_start(arguments, command);              \
    void *argument = va_arg(arguments, void *); \
    va_end(arguments);                         \
    return call(#name, file, command, argument); \
  }

DEFINE(fcntl)
DEFINE(fcntl64)
