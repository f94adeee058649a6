/* A stand-in for the driver's libcuda.so.1 on a machine without a driver: it is there, it is new enough, and it
 * has no device. Whatever else is asked of it fails with the same error, so that nothing gets further than that:
 * what libraries link or look up by name becomes no_device, too (environments.py). Signatures are those of cuda.h;
 * no_device may be called with any arguments under the convention of x86-64. */

#define CUDA_SUCCESS 0
#define CUDA_ERROR_NO_DEVICE 100
#define DRIVER_VERSION 13000 /* CUDA 13.0: new enough for every release, since 12 and 11 are older */

int no_device(void) { return CUDA_ERROR_NO_DEVICE; }

int cuInit(unsigned flags) { (void)flags; return CUDA_ERROR_NO_DEVICE; }

int cuDriverGetVersion(int *version) { *version = DRIVER_VERSION; return CUDA_SUCCESS; }

static int same(const char *a, const char *b) {
    while (*a && *a == *b) { a++; b++; }
    return *a == *b;
}

int cuGetProcAddress(const char *symbol, void **function, int version, unsigned long flags);
int cuGetProcAddress_v2(const char *symbol, void **function, int version, unsigned long flags, int *status);

/* CUDA's runtime asks for every function by name, this one included, as it was in the CUDA of ``version``. */
static void *named(const char *symbol, int version) {
    if (same(symbol, "cuInit")) return (void *)cuInit;
    if (same(symbol, "cuDriverGetVersion")) return (void *)cuDriverGetVersion;
    if (same(symbol, "cuGetProcAddress")) return version < 12000 ? (void *)cuGetProcAddress : (void *)cuGetProcAddress_v2;
    return (void *)no_device;
}

/* CUDA 11.3 to 11.8. */
int cuGetProcAddress(const char *symbol, void **function, int version, unsigned long flags) {
    (void)flags;
    *function = named(symbol, version);
    return CUDA_SUCCESS;
}

/* CUDA 12 and later; status 0 is CU_GET_PROC_ADDRESS_SUCCESS. */
int cuGetProcAddress_v2(const char *symbol, void **function, int version, unsigned long flags, int *status) {
    if (status) *status = 0;
    return cuGetProcAddress(symbol, function, version, flags);
}
