/* Classifies a drawn picture: cc classify.c $(pkg-config --cflags --libs fovea) && ./a.out MODEL */
#include <fovea.h>
#include <stdio.h>

int main(int argc, char **argv) {
    static const char *const names[] = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                        "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};
    /* A pair of trousers: 28x28 pixels from 0 (black) to 1 (white). */
    float picture[28][28] = {{0}}, scores[10] = {0};
    for (int y = 2; y < 27; y++)
        for (int x = 9; x < 19; x++) picture[y][x] = y < 8 || x < 13 || x > 14 ? 0.8f : 0;

    fovea_graph *graph = NULL;     /* what to compute */
    fovea_context *context = NULL; /* where: the fastest device, or $FOVEA_DEVICE */
    fovea_plan *plan = NULL;       /* how */
    fovea_tensor *input = NULL, *output = NULL;
    fovea_status status = fovea_graph_load_onnx(&graph, argc > 1 ? argv[1] : "lenet5-fashion.onnx");
    if (status == FOVEA_OK) status = fovea_context_create(&context, NULL, NULL);
    if (status == FOVEA_OK) status = fovea_plan_create(&plan, context, graph, NULL);
    if (status == FOVEA_OK) status = fovea_plan_tensor(plan, "input", &input);
    if (status == FOVEA_OK) status = fovea_plan_tensor(plan, "output", &output);
    if (status == FOVEA_OK) status = fovea_tensor_write(input, picture, sizeof picture);
    if (status == FOVEA_OK) status = fovea_plan_run(plan);
    if (status == FOVEA_OK) status = fovea_tensor_read(output, scores, sizeof scores);

    if (status == FOVEA_OK) {
        int best = 0;
        for (int i = 1; i < 10; i++) best = scores[i] > scores[best] ? i : best;
        printf("%s: %s (%.1f %%)\n", fovea_context_device(context)->name, names[best],
               100 * scores[best]);
    } else {
        fprintf(stderr, "%s: %s\n", fovea_status_name(status), fovea_error());
    }
    fovea_plan_destroy(plan);
    fovea_context_destroy(context);
    fovea_graph_destroy(graph);
    return status == FOVEA_OK ? 0 : 1;
}
