/* Trains LeNet-5 on the idx files in a folder, such as those of MNIST and Fashion-MNIST:
 *     cc train.c $(pkg-config --cflags --libs fovea) && ./a.out FOLDER lenet5.onnx */
#include <fovea_trainer.h>
#include <stdio.h>
#include <stdlib.h>

static void check(fovea_status status) {
    if (status == FOVEA_OK) return;
    fprintf(stderr, "%s: %s\n", fovea_status_name(status), fovea_error());
    exit(1);
}

/* One epoch; without a rate nothing is learned. The share of the pictures whose class is found, in %. */
static double go_through(fovea_trainer *trainer, fovea_loader *loader, double rate) {
    int64_t batches = fovea_loader_batches(loader), correct = 0, count = 0;
    for (int64_t i = 0; i < batches; i++) {
        fovea_batch batch;
        fovea_train_result result;
        check(fovea_loader_next(loader, &batch));
        if (rate > 0) check(fovea_trainer_step(trainer, &batch, rate, &result));
        else check(fovea_trainer_evaluate(trainer, &batch, &result));
        correct += result.correct;
        count += result.count;
    }
    return 100.0 * (double)correct / (double)count;
}

int main(int argc, char **argv) {
    const char *folder = argc > 1 ? argv[1] : ".", *out = argc > 2 ? argv[2] : "lenet5.onnx";
    fovea_dataset *data, *test_data;
    fovea_loader *loader, *test_loader; /* threads that make batches */
    fovea_graph *graph, *trained;
    fovea_context *context; /* the fastest device, or $FOVEA_DEVICE */
    fovea_trainer *trainer;
    fovea_loader_options feed = {.batch = 64, .shuffle = true, .drop_last = true}, look = {0};
    fovea_train_options how = {.batch = 64, .optimizer = {.method = FOVEA_MOMENTUM}};
    check(fovea_dataset_open(&data, folder, "train", NULL));
    check(fovea_dataset_open(&test_data, folder, "test", NULL));
    check(fovea_loader_create(&loader, data, &feed));
    check(fovea_loader_create(&test_loader, test_data, &look));
    check(fovea_zoo_create(&graph, "lenet5", NULL));
    check(fovea_context_create(&context, NULL, NULL));
    check(fovea_trainer_create(&trainer, context, graph, &how));
    double rate = 0.04;
    for (int epoch = 1; epoch <= 5; epoch++, rate /= 2) {
        double learned = go_through(trainer, loader, rate);
        printf("epoch %d: accuracy %.2f %%, test accuracy %.2f %%\n", epoch, learned,
               go_through(trainer, test_loader, 0));
    }
    check(fovea_trainer_export(trainer, &trained));
    check(fovea_graph_store_onnx(trained, out));
    fovea_trainer_destroy(trainer);
    fovea_context_destroy(context);
    fovea_graph_destroy(trained), fovea_graph_destroy(graph);
    fovea_loader_destroy(loader), fovea_loader_destroy(test_loader);
    fovea_dataset_destroy(data), fovea_dataset_destroy(test_data);
    return 0;
}
