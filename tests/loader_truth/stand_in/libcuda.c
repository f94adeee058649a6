/* A stand-in for the driver's libcuda.so.1 on a machine without a driver. As it is, it is there, it is new enough, and
 * it has no device; macros make others of it:
 *   DRIVER_VERSION  what cuDriverGetVersion says: 1000 x major + 10 x minor of CUDA
 *   INIT            what cuInit returns (CUresult); STUB: every function returns it, as in a toolkit's lib64/stubs
 *   DEVICE, MAJOR, MINOR  the name and compute capability of one device
 * A device is there for who asks the driver by its functions' own names, as nvidia-smi or ortdoctor do. CUDA's runtime,
 * which asks for them through cuGetProcAddress, is told that there is none: what a session does with a device cannot be
 * stood in for. Whatever else is asked fails with the same error, so that nothing gets further than that: what
 * libraries link or look up by name becomes no_device, too (environments.py, ward/gpu.py). Signatures are those of
 * cuda.h; no_device may be called with any arguments under the convention of x86-64. */

#include <stdlib.h>
#include <string.h>

#define CUDA_SUCCESS 0
#define CUDA_ERROR_NO_DEVICE 100

#ifndef DRIVER_VERSION
#define DRIVER_VERSION 13000 /* CUDA 13.0: new enough for every release, since 12 and 11 are older */
#endif
#ifndef INIT
#ifdef DEVICE
#define INIT CUDA_SUCCESS
#else
#define INIT CUDA_ERROR_NO_DEVICE
#endif
#endif
#ifdef STUB
#define ANSWER INIT
#else
#define ANSWER CUDA_SUCCESS
#endif

int no_device(void) { return INIT ? INIT : CUDA_ERROR_NO_DEVICE; }

/* CUDA shows the devices before the first index that is not valid; here only 0 is. */
static int hidden(void) {
    const char *shown = getenv("CUDA_VISIBLE_DEVICES");
    return shown && strcmp(shown, "0") && strncmp(shown, "0,", 2);
}

int cuInit(unsigned flags) { (void)flags; return INIT == CUDA_SUCCESS && hidden() ? CUDA_ERROR_NO_DEVICE : INIT; }

int cuDriverGetVersion(int *version) { *version = DRIVER_VERSION; return ANSWER; }

#ifdef DEVICE
#define COUNT 1
#define FOUND CUDA_SUCCESS
#else
#define COUNT 0
#define FOUND no_device()
#define DEVICE ""
#define MAJOR 0
#define MINOR 0
#endif

int cuDeviceGetCount(int *count) { *count = COUNT; return COUNT ? CUDA_SUCCESS : no_device(); }

int cuDeviceGet(int *device, int index) { *device = index; return FOUND; }

int cuDeviceGetName(char *name, int size, int device) {
    (void)device;
    strncpy(name, DEVICE, size);
    return FOUND;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) { (void)device; *bytes = (size_t)16 << 30; return FOUND; }

/* CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR is 75, _MINOR 76. */
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void)device;
    *value = attribute == 75 ? MAJOR : attribute == 76 ? MINOR : 0;
    return FOUND;
}

int cuDeviceGetUuid(char *bytes, int device) { (void)device; memset(bytes, 0x11, 16); return FOUND; }

int cuGetProcAddress(const char *symbol, void **function, int version, unsigned long flags);
int cuGetProcAddress_v2(const char *symbol, void **function, int version, unsigned long flags, int *status);

/* CUDA's runtime asks for every function by name, this one included, as it was in the CUDA of ``version``. */
static void *named(const char *symbol, int version) {
    if (!strcmp(symbol, "cuDriverGetVersion")) return (void *)cuDriverGetVersion;
    if (!strcmp(symbol, "cuGetProcAddress")) return version < 12000 ? (void *)cuGetProcAddress : (void *)cuGetProcAddress_v2;
    return (void *)no_device;
}

/* CUDA 11.3 to 11.8. */
int cuGetProcAddress(const char *symbol, void **function, int version, unsigned long flags) {
    (void)flags;
    *function = named(symbol, version);
    return ANSWER;
}

/* CUDA 12 and later; status 0 is CU_GET_PROC_ADDRESS_SUCCESS. */
int cuGetProcAddress_v2(const char *symbol, void **function, int version, unsigned long flags, int *status) {
    if (status) *status = 0;
    return cuGetProcAddress(symbol, function, version, flags);
}
