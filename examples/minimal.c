/* minimal WEIGHTS PICTURE: the expression of one face, in C99. */
#include <ofer/ofer.h>
#include <stdio.h>

#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

int main(int argc, char** argv) {
  ofer_model* model = NULL;
  ofer_session* session = NULL;
  ofer_error error = OFER_ERROR_INIT;
  int code = 1, width, height;
  unsigned char* pixels;

  if (argc != 3) {
    fprintf(stderr, "usage: minimal WEIGHTS PICTURE\n");
    return 2;
  }
  pixels = stbi_load(argv[2], &width, &height, NULL, 3);
  if (!pixels) {
    fprintf(stderr, "%s: %s\n", argv[2], stbi_failure_reason());
    return 1;
  }
  if (ofer_model_load(argv[1], NULL, &model, &error) == OFER_OK &&
      ofer_session_create(model, NULL, &session, &error) == OFER_OK) {
    ofer_image image = OFER_IMAGE_INIT;
    ofer_results results = OFER_RESULTS_INIT;
    int32_t label;
    image.data = pixels;
    image.width = width;
    image.height = height;
    results.labels.data = &label;
    results.labels.count = 1;
    if (ofer_analyse(session, &image, 1, NULL, &results) == OFER_OK) {
      printf("%s\n", ofer_model_label(model, label));
      code = 0;
    } else {
      fprintf(stderr, "%s\n", ofer_session_error(session));
    }
  } else {
    fprintf(stderr, "%s\n", error.text);
  }
  ofer_session_free(session);
  ofer_model_free(model);
  stbi_image_free(pixels);
  return code;
}
