/* The header's own example, in C99: what a C compiler sees of it. Called by test_api_model.cpp. */
#include "ofer/ofer.h"

int ofer_c_program(const char* weights, const unsigned char* pixels, int width, int height,
                   float* probabilities, size_t classes);

int ofer_c_program(const char* weights, const unsigned char* pixels, int width, int height,
                   float* probabilities, size_t classes) {
  ofer_model* model = NULL;
  ofer_session* session = NULL;
  ofer_error error = OFER_ERROR_INIT;
  ofer_model_options model_options = OFER_MODEL_OPTIONS_INIT;
  ofer_session_options session_options = OFER_SESSION_OPTIONS_INIT;
  ofer_request request = OFER_REQUEST_INIT;
  ofer_image image = OFER_IMAGE_INIT;
  ofer_results results = OFER_RESULTS_INIT;
  int status;
  if (ofer_model_load(weights, &model_options, &model, &error) != OFER_OK ||
      ofer_session_create(model, &session_options, &session, &error) != OFER_OK) {
    ofer_model_free(model);
    return error.status;
  }
  image.data = pixels;
  image.width = width;
  image.height = height;
  results.probabilities.data = probabilities;
  results.probabilities.count = classes;
  status = ofer_analyse(session, &image, 1, &request, &results);
  ofer_session_free(session);
  ofer_model_free(model);
  return status;
}
