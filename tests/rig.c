/* A device opened with a test's own kernels. See rig.h. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "store/store.h"

enum { PATH = 512 };

bool rig_has_team;
char rig_folder[64];
static char device[32]; /* its id */
static char self[PATH]; /* this program */

/* ---- The list ---- */

static void print_devices(void) {
    fovea_device_info *list;
    size_t count;
    if (opencl_list(&list, &count, NULL, NULL) != FOVEA_OK) return;
    for (size_t i = 0; i < count; i++) {
        struct opencl *cl;
        if (list[i].problem[0] || opencl_open(&cl, list[i].id, false, NULL) != FOVEA_OK) continue;
        printf("%s %s%s\n", list[i].id, list[i].name, opencl_has_team(cl) ? " [team]" : "");
        opencl_close(cl);
    }
    fflush(stdout);
    mem_free(list);
}

char *rig_child(const char *environment, const char *arguments) {
    char line[PATH];
    struct text text = {0};
    char *command = mem_format("%s '%s' %s", environment, self, arguments);
    FILE *pipe = command ? popen(command, "r") : NULL;
    while (pipe && fgets(line, sizeof line, pipe)) text_add(&text, "%s", line);
    if (pipe) pclose(pipe);
    mem_free(command);
    return text_take(&text);
}

/* A list of its own is made first, so that the environment is as a user of the library leaves it. */
static void print_devices_of_child(void) {
    fovea_device_info *list;
    size_t count;
    if (opencl_list(&list, &count, NULL, NULL) != FOVEA_OK) return;
    mem_free(list);
    char *text = rig_child("", "devices");
    fputs(text, stdout);
    mem_free(text);
}

/* Finds the first device that has a team, else the first. */
static void find(void) {
    char *list = rig_child("", "devices");
    const char *found = list;
    for (const char *line = list; *line; line += strcspn(line, "\n") + 1) {
        size_t length = strcspn(line, "\n");
        if (length < 7 || strncmp(line + length - 7, " [team]", 7) != 0) continue;
        rig_has_team = true;
        found = line;
        break;
    }
    snprintf(device, sizeof device, "%.*s", (int)strcspn(found, " "), found);
    mem_free(list);
}

static void print_compiled(const char *path) {
    struct rig r;
    struct store *store = store_open(path, NULL, NULL);
    find();
    if (rig_try(&r, false, store) == FOVEA_OK) {
        printf("%zu\n", r.compiled);
        opencl_remember(r.cl);
        opencl_close(r.cl);
    }
    store_close(store);
}

bool rig_prepare(int argc, char **argv, int *result) {
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *wanted = argc > 1 ? argv[1] : "";
    *result = length > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (length <= 0) return false;
    if (strcmp(wanted, "devices") == 0) print_devices();
    else if (strcmp(wanted, "devices-of-child") == 0) print_devices_of_child();
    else if (strcmp(wanted, "compiled") == 0 && argc > 2) print_compiled(argv[2]);
    if (*wanted) return false;
    find();
    if (!device[0]) printf("there is no usable OpenCL device: nothing is tested\n");
    else if (!rig_has_team)
        printf("no device has a team: launches are checked as the runtime of %s runs them\n",
               device);
    fflush(stdout);
    if (!device[0]) *result = RIG_UNUSABLE;
    return device[0] != 0;
}

/* ---- The rig ---- */

void rig_setup(const char *source) {
    char path[96];
    snprintf(rig_folder, sizeof rig_folder, "/tmp/fovea_rig_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig_folder));
    snprintf(path, sizeof path, "%s/rig.cl", rig_folder);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(source, file);
    fclose(file);
    setenv("FOVEA_KERNEL_DIR", rig_folder, 1);
}

void rig_teardown(void) {
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", rig_folder);
    ck_assert_int_eq(system(command), 0);
}

fovea_status rig_try(struct rig *r, bool profile, struct store *store) {
    struct opencl_source source = {"rig", "", NULL};
    fovea_status built = FOVEA_OK;
    char *log = NULL;
    *r = (struct rig){0};
    TRY(opencl_open(&r->cl, device, profile, store));
    fovea_status status = opencl_build(r->cl, &source, 1, &r->program, &built, &log, &r->compiled);
    if (status == FOVEA_OK) status = built;
    mem_free(log);
    if (status == FOVEA_OK) return FOVEA_OK;
    opencl_close(r->cl);
    r->cl = NULL;
    return status;
}

struct rig rig_open(bool profile, struct store *store) {
    struct rig r;
    WELL(rig_try(&r, profile, store));
    ck_assert(opencl_has_team(r.cl) == rig_has_team);
    return r;
}

struct opencl_kernel *rig_kernel(const struct rig *r, const char *function) {
    struct opencl_kernel *k;
    WELL(opencl_kernel_create(&k, r->program, function));
    return k;
}

struct opencl_buffer *rig_buffer(const struct rig *r, size_t bytes) {
    struct opencl_buffer *b;
    WELL(opencl_buffer_create(&b, r->cl, bytes));
    return b;
}

void set_number(struct opencl_kernel *k, unsigned index, size_t value) {
    uint32_t number = (uint32_t)value;
    WELL(opencl_kernel_set(k, index, &number, sizeof number));
}

void launch(struct opencl_kernel *k, size_t global, size_t local, size_t slot) {
    WELL(opencl_launch(k, 1, (size_t[RIG_DIMS]){global}, (size_t[RIG_DIMS]){local}, slot));
}
