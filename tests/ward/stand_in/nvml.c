/* A stand-in for the driver's libnvidia-ml.so.1 with one device, which no variable hides. Macros: DRIVER (its version),
 * DRIVER_VERSION (as cuDriverGetVersion), DEVICE, MAJOR, MINOR; NVML_INIT is what nvmlInit_v2 returns (nvmlReturn_t).
 * Signatures are those of nvml.h. */

#include <string.h>

#ifndef NVML_INIT
#define NVML_INIT 0
#endif

static int told(char *buffer, unsigned size, const char *text) { strncpy(buffer, text, size); return 0; }

int nvmlInit_v2(void) { return NVML_INIT; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *buffer, unsigned size) { return told(buffer, size, DRIVER); }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = DRIVER_VERSION; return 0; }

#ifdef DEVICE
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { (void)index; *device = (void *)1; return 0; }
int nvmlDeviceGetName(void *device, char *buffer, unsigned size) { (void)device; return told(buffer, size, DEVICE); }
int nvmlDeviceGetUUID(void *device, char *buffer, unsigned size) {
    (void)device;
    return told(buffer, size, "GPU-11111111-1111-1111-1111-111111111111");
}
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *bytes) {
    (void)device;
    bytes[0] = 16ull << 30;
    bytes[1] = bytes[0];
    bytes[2] = 0;
    return 0;
}
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
    (void)device;
    *major = MAJOR;
    *minor = MINOR;
    return 0;
}
#else
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 0; return 0; }
#endif
