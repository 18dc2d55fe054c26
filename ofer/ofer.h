/*
 * ofer.h: Latent-OFER in C. Finds the covered patches of a face, paints the face behind them, and
 * names its expression.
 *
 *     ofer_model* model = NULL;
 *     ofer_session* session = NULL;
 *     ofer_error error = OFER_ERROR_INIT;
 *     if (ofer_model_load("latent-ofer-small.safetensors", NULL, &model, &error) != OFER_OK ||
 *         ofer_session_create(model, NULL, &session, &error) != OFER_OK)
 *       return puts(error.text);
 *     ofer_image image = OFER_IMAGE_INIT;      // a face, cropped and upright
 *     image.data = pixels;                     // 8-bit RGB
 *     image.width = width;
 *     image.height = height;
 *     float probabilities[7];
 *     ofer_results results = OFER_RESULTS_INIT;
 *     results.probabilities.data = probabilities;
 *     results.probabilities.count = 7;
 *     if (ofer_analyse(session, &image, 1, NULL, &results) != OFER_OK)
 *       puts(ofer_session_error(session));
 *     ofer_session_free(session);
 *     ofer_model_free(model);
 *
 * Who owns what. A model and a session belong to whoever made them, until the _free function that
 * goes with it. Everything else belongs to the caller: the library reads and writes the caller's
 * memory during a call only, but for what a field's comment names (OFER_STORAGE_BORROW, stream,
 * workspace, callbacks). Strings that it returns live as long as their handle, or as said.
 *
 * Threads. A model may be used by any number of threads at once. A session is one caller's: calls
 * on it from two threads at once, or from inside one of its own callbacks, are refused with
 * OFER_BUSY; ofer_session_cancel may be called from anywhere at any time. Sessions share nothing
 * but their model. There is no global state.
 *
 * Failures. A function that can fail returns a status, and leaves a text: in `error` where it has
 * that argument (may be NULL), else with the session (ofer_session_error) or the model
 * (ofer_model_error). Nothing is thrown, printed, or ended; no signal is handled and no environment
 * variable is read. After any failure handles are usable and results untouched, but for those of
 * the images before the one that failed (ofer_results).
 *
 * Blocking. Loading reads files; ofer_analyse returns when the results are there. No other call
 * waits, but for ofer_session_create, which may copy the model to a GPU.
 *
 * Versions. Every struct begins with its size, set by its _INIT. A newer library works under an
 * older program: fields it does not know of are at their defaults. Bytes behind the fields that the
 * library knows must be zero, else OFER_UNSUPPORTED.
 *
 * Callbacks are called on the thread of the call that causes them, log excepted. They must not
 * unwind (no C++ exceptions, no longjmp); those that return a number break the call off with
 * anything but 0, which ends with OFER_CANCELLED.
 */
#ifndef OFER_OFER_H
#define OFER_OFER_H

#include <stddef.h>
#include <stdint.h>

#define OFER_VERSION_MAJOR 0
#define OFER_VERSION_MINOR 1
#define OFER_VERSION_PATCH 0

#if defined(__GNUC__) || defined(__clang__)
#define OFER_API __attribute__((visibility("default")))
#else
#define OFER_API
#endif

#ifdef __cplusplus
#define OFER_NOEXCEPT noexcept
extern "C" {
#else
#define OFER_NOEXCEPT
#endif

/* The version of the library that runs, "0.1.0"; the macros above are those it was compiled with. */
OFER_API const char* ofer_version(void) OFER_NOEXCEPT;

/* ------------------------------------------------------------------------------------ status */

/* What a call came to. Returned, and kept in structs, as int32_t. */
enum {
  OFER_OK = 0,
  OFER_BAD_ARGUMENT = 1,  /* the caller passed something that cannot be */
  OFER_BAD_FILE = 2,      /* a weight file's content is not what it must be */
  OFER_IO = 3,            /* the system, or the caller's reader, refused to read */
  OFER_UNSUPPORTED = 4,   /* known, but not on this device, build or machine, or of a later version */
  OFER_OUT_OF_MEMORY = 5, /* of the host or of the device */
  OFER_DEVICE = 6,        /* the device, its driver or its library failed */
  OFER_CANCELLED = 7,     /* ofer_session_cancel, or a callback that said so */
  OFER_BUSY = 8,          /* the session is in a call already */
  OFER_INTERNAL = 9       /* a defect of the library */
};
typedef int32_t ofer_status;

/* "bad argument" for OFER_BAD_ARGUMENT; "unknown" for a number that is none. Static. */
OFER_API const char* ofer_status_name(ofer_status status) OFER_NOEXCEPT;

/* What went wrong, in one line that names the cause and, where there is one, the remedy. */
typedef struct ofer_error {
  size_t size;
  ofer_status status;
  char text[1012];
} ofer_error;
#define OFER_ERROR_INIT {sizeof(ofer_error), OFER_OK, {0}}

/* ------------------------------------------------------------------------------------- models */

/* The immutable weights of a network. */
typedef struct ofer_model ofer_model;

enum {
  OFER_LOG_DEBUG = 0,
  OFER_LOG_INFO = 1,
  OFER_LOG_WARNING = 2
};
/* Remarks. May be called from any thread, by several at once. The text is valid during the call. */
typedef void (*ofer_log_callback)(void* user, int32_t level, const char* text);

/* Where a model's weights are. */
enum {
  OFER_STORAGE_DEFAULT = 0, /* a file is mapped, memory is copied */
  /* Memory of the model's own. For a file: nobody who cuts the file short can then harm the
   * process, which a mapped one does (SIGBUS). */
  OFER_STORAGE_COPY = 1,
  /* Of ofer_model_load_memory: the caller's memory, which must stay as it is until the model and
   * its sessions are gone. Tensors that do not begin on 64-byte boundaries of it are copied. */
  OFER_STORAGE_BORROW = 2
};

typedef struct ofer_model_options {
  size_t size;
  int32_t storage;
  int32_t skip_checksum;  /* 1: the weights' SHA-256 is not checked; everything else is */
  ofer_log_callback log;  /* of the model and its sessions; NULL: nobody */
  void* log_user;
} ofer_model_options;
#define OFER_MODEL_OPTIONS_INIT {sizeof(ofer_model_options), OFER_STORAGE_DEFAULT, 0, NULL, NULL}

/* Reads `bytes` bytes of the file from `offset` into `buffer`; 0 when all of them are there. */
typedef int32_t (*ofer_read_callback)(void* user, uint64_t offset, void* buffer, size_t bytes);

/*
 * Loads a weight file (one that this project's tools made) from a path, from memory, or by a
 * callback, which is called during the load only. All of it is checked before it is used: a file
 * that is damaged, cut short or made up gives OFER_BAD_FILE. options: NULL for the defaults.
 * *model is NULL after a failure.
 */
OFER_API ofer_status ofer_model_load(const char* path, const ofer_model_options* options,
                                     ofer_model** model, ofer_error* error) OFER_NOEXCEPT;
OFER_API ofer_status ofer_model_load_memory(const void* data, size_t bytes,
                                            const ofer_model_options* options, ofer_model** model,
                                            ofer_error* error) OFER_NOEXCEPT;
OFER_API ofer_status ofer_model_load_reader(ofer_read_callback read, void* user, uint64_t bytes,
                                            const ofer_model_options* options, ofer_model** model,
                                            ofer_error* error) OFER_NOEXCEPT;

/*
 * Ends the handle. Sessions of the model keep what they need and go on. NULL is allowed. Using a
 * handle after its end is detected while one of its sessions lives, and by chance later.
 */
OFER_API void ofer_model_free(ofer_model* model) OFER_NOEXCEPT;

typedef struct ofer_model_info {
  size_t size;
  int32_t classes;        /* C */
  int32_t patch_rows;     /* the patch grid; L = patch_rows x patch_columns */
  int32_t patch_columns;
  int32_t patches;        /* L */
  int32_t image_size;     /* S: side of the coarse image */
  int32_t restored_size;  /* U: side of the restored image */
  int32_t latent_width;   /* W */
  int32_t grad_cam_layers;
  int32_t has_detector;   /* 0: masks must be given */
  int32_t has_unet;       /* 0: the restored image is the coarse one inside the hole */
  int32_t all_latents;    /* 1: OFER_LATENTS_ALL is possible */
  int32_t trained;        /* 0: random numbers, for tests */
  uint64_t weights;       /* numbers in all tensors together */
} ofer_model_info;
#define OFER_MODEL_INFO_INIT {sizeof(ofer_model_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

OFER_API ofer_status ofer_model_get_info(const ofer_model* model, ofer_model_info* info)
    OFER_NOEXCEPT;

/*
 * Texts of the model, which live as long as it; NULL, with a text for ofer_model_error, when there
 * is no such one. Labels are in the order of the probabilities. Layers are the names that
 * ofer_request.grad_cam_layer may have. The configuration is a JSON object. Metadata has the keys
 * format_version, configuration, labels, preprocessing, provenance, licence, trained, sha256.
 */
OFER_API const char* ofer_model_label(const ofer_model* model, int32_t number) OFER_NOEXCEPT;
OFER_API const char* ofer_model_grad_cam_layer(const ofer_model* model,
                                               int32_t number) OFER_NOEXCEPT;
OFER_API const char* ofer_model_configuration(const ofer_model* model) OFER_NOEXCEPT;
OFER_API const char* ofer_model_metadata(const ofer_model* model, const char* key) OFER_NOEXCEPT;

/*
 * Copies the text of the last failure of a call on this model that has no `error` argument, cut to
 * `bytes`, with its end; "" when there was none. Of several threads, whichever failed last.
 */
OFER_API void ofer_model_error(const ofer_model* model, char* text, size_t bytes) OFER_NOEXCEPT;

/* ----------------------------------------------------------------------------------- sessions */

/* One caller's place of work: a device, a precision, memory, threads. */
typedef struct ofer_session ofer_session;

enum {
  OFER_DEVICE_CPU = 0,
  OFER_DEVICE_CUDA = 1,
  OFER_DEVICE_SIMT = 2 /* the CUDA kernels' source on the CPU, very slowly: for tests */
};

/* docs/precision.md says what each means. */
enum {
  OFER_PRECISION_FP32 = 0,
  OFER_PRECISION_TF32 = 1, /* GPU */
  OFER_PRECISION_BF16 = 2  /* GPU, and CPUs that have the instructions */
};

typedef struct ofer_session_options {
  size_t size;
  int32_t device;
  int32_t device_index;  /* which GPU */
  int32_t precision;
  int32_t threads;       /* 0: one for each core that the process may use */
  /* Images that are computed at once; of more, given to one call, several turns are made. Decides
   * how much memory the session takes. 0: 8. */
  int32_t largest_batch;
  /* 1: faster, and an image's last bits may depend on what else is in its batch. */
  int32_t fast;
  /* Of a GPU: a cudaStream_t of the caller's on that device, which must outlive the session; NULL:
   * one of its own. Work is queued on it in order. docs/embedding.md has the rules. */
  void* stream;
} ofer_session_options;
#define OFER_SESSION_OPTIONS_INIT {sizeof(ofer_session_options), 0, 0, 0, 0, 0, 0, NULL}

/*
 * Makes a session of a model. options: NULL for the defaults. The first session of a device and a
 * precision makes the model's copy for them; the others share it. *session is NULL after a failure.
 */
OFER_API ofer_status ofer_session_create(ofer_model* model, const ofer_session_options* options,
                                         ofer_session** session, ofer_error* error) OFER_NOEXCEPT;

/* Ends a session. NULL is allowed. Inside one of the session's callbacks: when the call ends. */
OFER_API void ofer_session_free(ofer_session* session) OFER_NOEXCEPT;

/* The text of this session's last failed call, OFER_BUSY excepted; "" when none has failed. Lives
 * until its next call. */
OFER_API const char* ofer_session_error(const ofer_session* session) OFER_NOEXCEPT;

/* R: a patch is covered when its distance > R^2. 0 where there is no session. */
OFER_API float ofer_session_radius(const ofer_session* session) OFER_NOEXCEPT;

/* May be called from any thread: the call that is running, or else the next one, breaks off. */
OFER_API ofer_status ofer_session_cancel(ofer_session* session) OFER_NOEXCEPT;

/* The stages, in their order. */
enum {
  OFER_STAGE_DETECT = 1,    /* which patches are covered */
  OFER_STAGE_RESTORE = 2,   /* what is behind them; the latent vectors */
  OFER_STAGE_RECOGNISE = 3  /* the expression */
};

/*
 * Called as a stage begins, for the images first <= i < first + count of the call's. For a GPU: as
 * its work begins to be queued. Not 0: the call breaks off.
 */
typedef int32_t (*ofer_progress_callback)(void* user, int32_t stage, size_t first, size_t count);
OFER_API ofer_status ofer_session_set_progress(ofer_session* session,
                                               ofer_progress_callback progress,
                                               void* user) OFER_NOEXCEPT;

/* Element types of tapped tensors. */
enum {
  OFER_F32 = 0,
  OFER_BF16 = 1,
  OFER_I32 = 2
};

/* An intermediate result, in host memory, packed, row-major; valid during the call only. */
typedef struct ofer_tensor {
  size_t size;
  const char* name;  /* "detect/encoder/block03/attention"; docs/model.md has the list */
  const void* data;
  int32_t type;
  int32_t rank;
  int64_t shape[8];  /* the first `rank` */
} ofer_tensor;

/* Sees intermediate results in the order in which they come about. Not 0: the call breaks off. */
typedef int32_t (*ofer_tap_callback)(void* user, const ofer_tensor* tensor);
/* Says whether anybody wants to see the tensor of that name; the same for as long as it is set. */
typedef int32_t (*ofer_tap_filter)(void* user, const char* name);

/* Taps make a session slower: layers that would be fused are not around a tapped tensor. NULL as
 * `tap`: none; as `wanted`: all. */
OFER_API ofer_status ofer_session_set_tap(ofer_session* session, ofer_tap_callback tap,
                                          ofer_tap_filter wanted, void* user) OFER_NOEXCEPT;

/* ------------------------------------------------------------------------------------ analysis */

/* Where pixels, masks and results are. To a session of OFER_DEVICE_CPU both are the same. */
enum {
  OFER_MEMORY_HOST = 0,
  OFER_MEMORY_DEVICE = 1 /* the session's device; used in the order of its stream */
};

/* How pixels lie in memory. */
enum {
  OFER_RGB = 0,
  OFER_BGR = 1,
  OFER_RGBA = 2, /* A is not looked at */
  OFER_BGRA = 3,
  OFER_GREY = 4
};
enum {
  OFER_INTERLEAVED = 0, /* a pixel's values side by side */
  OFER_PLANAR = 1       /* a plane for each colour, in the format's order */
};
enum {
  OFER_U8_PIXELS = 0, /* 0 to 255 */
  /* 0 to 1, clamped; a value that is no finite number is refused. In a device's memory they begin
   * at multiples of 4 bytes, and what is no number counts as 0. */
  OFER_F32_PIXELS = 1
};

/* A face, cropped and upright as docs/embedding.md shows. Any size; resized as the method asks. */
typedef struct ofer_image {
  size_t size;
  const void* data;      /* the top left pixel, of planar images that of the first plane */
  int32_t width, height; /* at most 100,000,000 pixels */
  int32_t format;
  int32_t layout;
  int32_t type;
  int32_t memory;         /* the same for all images of a call */
  ptrdiff_t row_stride;   /* bytes from row to row; 0: packed; negative: the bottom row is first */
  ptrdiff_t plane_stride; /* planar: bytes from plane to plane; 0: one behind the other */
} ofer_image;
#define OFER_IMAGE_INIT {sizeof(ofer_image), NULL, 0, 0, OFER_RGB, OFER_INTERLEAVED, \
                         OFER_U8_PIXELS, 0, 0, 0}

/* Where the mask of covered patches comes from. */
enum {
  OFER_MASK_DETECT = 0,
  OFER_MASK_GIVEN = 1,
  OFER_MASK_NONE = 2 /* nothing is covered */
};

/* Which latent vectors the classifier sees; the others are zero. */
enum {
  OFER_LATENTS_CHOSEN = 0, /* those that the activation map picks: the method */
  OFER_LATENTS_ALL = 1,
  OFER_LATENTS_NONE = 2
};

/* What is to be done. Single stages: last_stage OFER_STAGE_DETECT detects only; OFER_STAGE_RESTORE
 * with OFER_MASK_GIVEN restores only; mask_source OFER_MASK_NONE recognises only. */
typedef struct ofer_request {
  size_t size;
  int32_t mask_source;
  int32_t last_stage;
  const uint8_t* masks; /* OFER_MASK_GIVEN: [images, L], not 0 where covered */
  size_t mask_count;    /* values there are in it */
  int32_t latents;
  int32_t grad_cam_class;     /* -1: each image's most probable */
  int32_t grad_cam_plus_plus; /* 1: Grad-CAM++ */
  /* 1: nothing that is queued depends on what is found; dearer, for CUDA graphs and streams that
   * must not be waited for. The same results but for roundings. */
  int32_t dense;
  const char* grad_cam_layer; /* NULL: the first of ofer_model_grad_cam_layer */
  int32_t mask_memory;        /* OFER_MEMORY_DEVICE: dense requests only */
  int32_t reserved;           /* 0 */
} ofer_request;
#define OFER_REQUEST_INIT {sizeof(ofer_request), OFER_MASK_DETECT, OFER_STAGE_RECOGNISE, NULL, 0, \
                           OFER_LATENTS_CHOSEN, -1, 0, 0, NULL, OFER_MEMORY_HOST, 0}

/* Memory of the caller's: `count` values, exactly as many as there are; data NULL: not wanted. */
typedef struct ofer_floats {
  float* data;
  size_t count;
} ofer_floats;
typedef struct ofer_bytes {
  uint8_t* data;
  size_t count;
} ofer_bytes;
typedef struct ofer_ints {
  int32_t* data;
  size_t count;
} ofer_ints;

/*
 * The results, image after image, of N images; only what is wanted is computed and copied. Sizes as
 * in ofer_model_info. Written turn by turn (largest_batch): after a failure the turns before it
 * have been written.
 */
typedef struct ofer_results {
  size_t size;
  /* Of all of them. OFER_MEMORY_DEVICE: they are written in the order of the session's stream, and
   * the call does not wait for it; what fails on the device shows in a later call
   * (ofer_session_wait). */
  int32_t memory;
  int32_t reserved;          /* 0 */
  ofer_ints labels;          /* [N]: the most probable class */
  ofer_floats probabilities; /* [N, C] */
  ofer_floats distances;     /* [N, L], when detected */
  ofer_bytes masks;          /* [N, L]: 1 where covered */
  ofer_bytes chosen;         /* [N, L]: 1 where the classifier saw a patch's latent vector */
  ofer_floats coarse;        /* [N, 3, S, S], in [0, 1]: the autoencoder's image */
  ofer_floats restored;      /* [N, 3, U, U], in [0, 1]: as it came where nothing is covered */
  ofer_floats attention;     /* [N, patch_rows, patch_columns] */
  ofer_floats grad_cam;      /* [N, h, w], ofer_session_grad_cam_size; in [0, 1] */
  ofer_floats latents;       /* [N, L, W] */
} ofer_results;
#define OFER_RESULTS_INIT {sizeof(ofer_results), OFER_MEMORY_HOST, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, \
                           {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}}

/*
 * Analyses `count` images, in host memory or in the device's. request: NULL for everything by detection. No memory is allocated by a
 * call that asks for no more than one before it, with images no larger.
 */
OFER_API ofer_status ofer_analyse(ofer_session* session, const ofer_image* images, size_t count,
                                  const ofer_request* request,
                                  const ofer_results* results) OFER_NOEXCEPT;

/*
 * Bytes of device memory that calls like this one need for their tensors, exactly: with that
 * request, those results wanted (their data not NULL; their counts are not looked at) and at most
 * largest_batch images at once. Nothing is computed.
 */
OFER_API ofer_status ofer_session_workspace_bytes(ofer_session* session,
                                                  const ofer_request* request,
                                                  const ofer_results* results,
                                                  size_t* bytes) OFER_NOEXCEPT;

/*
 * Lends the session memory of its device, aligned to 64 bytes, for the tensors of calls: it takes
 * none beside it, and a call that needs more ends with OFER_OUT_OF_MEMORY. NULL: memory of its own
 * again. What is queued must have ended.
 */
OFER_API ofer_status ofer_session_set_workspace(ofer_session* session, void* memory,
                                                size_t bytes) OFER_NOEXCEPT;

/*
 * Waits until everything that the session has queued on its device has ended: results in the
 * device's memory are there then. OFER_DEVICE tells what failed on the way.
 */
OFER_API ofer_status ofer_session_wait(ofer_session* session) OFER_NOEXCEPT;

/* The size of a Grad-CAM map at a layer (NULL: the first). */
OFER_API ofer_status ofer_session_grad_cam_size(ofer_session* session, const char* layer,
                                                int32_t* rows, int32_t* columns) OFER_NOEXCEPT;

/* Milliseconds that the stages of the session's last successful ofer_analyse took, its turns
 * together; zeros when nobody waited for it. */
typedef struct ofer_times {
  size_t size;
  double detect, restore, recognise, total;
} ofer_times;
#define OFER_TIMES_INIT {sizeof(ofer_times), 0, 0, 0, 0}
OFER_API ofer_status ofer_session_times(ofer_session* session, ofer_times* times) OFER_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
