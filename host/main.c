/* The program `fovea`: finds the command, reads the options, and ends with the right exit code. */
#include <signal.h>
#include <string.h>

#include "host.h"

static const struct command *const commands[] = {
    &devices_command, &info_command, &run_command,  &verify_command, &check_command, &bench_command,
    &tune_command,    &new_command,  &show_command, &train_command,  &eval_command};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static struct common common;
static const struct arg common_args[] = {
    {"device", 'd', ARG_TEXT, &common.device, "NAME",
     "opencl:0:0, gpu, cpu, reference, a piece of a name; default: fastest"},
    {"json", 'j', ARG_FLAG, &common.json, NULL, "print JSON instead of tables"},
    {"verbose", 'v', ARG_FLAG, &common.verbose, NULL, "print more"},
    {"help", 'h', ARG_FLAG, &common.help, NULL, "print this page and end"},
    {"version", 'V', ARG_FLAG, &common.version, NULL, "print the version and end"},
    {0}};

static void print_overview(FILE *to) {
    fprintf(to,
            "Usage: fovea COMMAND [OPTION]... [OPERAND]...\n\n"
            "Runs, checks and measures convolutional neural networks on any OpenCL device.\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "\n'fovea COMMAND --help' tells more of each, with examples.\n");
}

static void print_exit_codes(void) {
    printf("\nExit codes: 0 good, 1 a wrong result, 2 usage, 3 a bad or unsupported file,\n"
           "4 a device failure.\n");
}

static void print_help(const struct command *c) {
    if (!c) {
        print_overview(stdout);
        printf("\nOptions of every command:\n");
        args_help(common_args);
        printf("\nExamples:\n  fovea devices\n  fovea run model.onnx cat.jpg --labels names.txt\n"
               "  fovea verify model.onnx --device all\n");
        print_exit_codes();
        return;
    }
    printf("Usage: fovea %s [OPTION]... %s\n\n%s\n\nOptions:\n", c->name, c->usage, c->text);
    args_help(c->args);
    args_help(common_args);
    printf("\nExamples:\n%s", c->examples);
    print_exit_codes();
}

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

/* The place of the command's name: the first word that is neither an option nor the value of one. */
static int command_at(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') return i;
        if (strcmp(argv[i], "--device") == 0 || strcmp(argv[i], "-d") == 0) i++;
    }
    return 0;
}

static int usage_error(const struct problem *p, const struct command *c) {
    problem_report(p);
    fprintf(stderr, "Try 'fovea %s%s--help'.\n", c ? c->name : "", c ? " " : "");
    return EXIT_USAGE;
}

/* Does what the parsed command line says. */
static int act(const struct command *c, const struct text_list *operands) {
    struct problem p = {0};
    if (common.version) {
        printf("fovea %s\n", fovea_version());
    } else if (common.help) {
        print_help(c);
    } else if (!c) {
        fprintf(stderr, "fovea: which command?\n");
        print_overview(stderr);
        return EXIT_USAGE;
    } else if (operands->count < c->min_operands || operands->count > c->max_operands) {
        problem_set(&p, EXIT_USAGE, "%s operands: fovea %s %s",
                    operands->count < c->min_operands ? "too few" : "too many", c->name, c->usage);
        return usage_error(&p, c);
    } else {
        return c->run(&common, operands);
    }
    return EXIT_GOOD;
}

static int run_command_line(int argc, char **argv) {
    int at = command_at(argc, argv);
    struct problem p = {0};
    const struct command *c = at ? find_command(argv[at]) : NULL;
    if (at && !c) {
        problem_set(&p, EXIT_USAGE, "there is no command '%s'", argv[at]);
        return usage_error(&p, NULL);
    }
    struct text_list operands = {0};
    const struct arg *tables[] = {common_args, c ? c->args : NULL};
    for (int i = at; at && i > 1; i--) argv[i] = argv[i - 1]; /* drop the command's name */
    int first = at ? 2 : 1;
    int code = args_parse(tables, 2, argc - first, argv + first, &operands, &p)
                   ? act(c, &operands)
                   : usage_error(&p, c);
    text_list_free(&operands);
    return code;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN); /* a reader that leaves is then an error of write, with a sentence */
    int code = run_command_line(argc, argv);
    if (host_flush() && fclose(stdout) == 0) return code;
    fprintf(stderr, "fovea: cannot write the output: the reader has gone or the disk is full\n");
    return code ? code : EXIT_FILE;
}
