# Completion of fovea's commands and options in bash.
_fovea() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=
    local word commands="devices info run verify check bench tune new show train eval"
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case " $commands " in *" $word "*) command=$word && break ;; esac
    done
    COMPREPLY=()
    case $previous in
    -d | --device)
        local names
        names="all gpu cpu reference $(fovea devices 2>/dev/null | awk 'NR > 1 { print $1 }')"
        mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
        # A colon ends a word for readline, so only what follows the last one is inserted.
        if [[ $current == *:* ]]; then COMPREPLY=("${COMPREPLY[@]#"${current%:*}:"}"); fi
        return
        ;;
    --preset)
        mapfile -t COMPREPLY < <(compgen -W "imagenet mobilenet squeezenet cifar10 mnist unit raw" -- "$current")
        return
        ;;
    --tune | --level) mapfile -t COMPREPLY < <(compgen -W "none quick full" -- "$current") && return ;;
    --optimizer)
        local optimizers="sgd momentum nesterov adagrad rmsprop adadelta adam adamw nadam lars lamb"
        mapfile -t COMPREPLY < <(compgen -W "$optimizers" -- "$current")
        return
        ;;
    --schedule)
        local schedules="constant step multistep exponential cosine onecycle polynomial plateau"
        mapfile -t COMPREPLY < <(compgen -W "$schedules" -- "$current")
        return
        ;;
    --init)
        mapfile -t COMPREPLY < <(compgen -W "he glorot lecun orthogonal normal uniform constant" -- "$current")
        return
        ;;
    --loss) mapfile -t COMPREPLY < <(compgen -W "cross-entropy mean-squared binary hinge" -- "$current") && return ;;
    --fit) mapfile -t COMPREPLY < <(compgen -W "squash cover crop pad" -- "$current") && return ;;
    --split) mapfile -t COMPREPLY < <(compgen -W "train test" -- "$current") && return ;;
    --data | --checkpoints) mapfile -t COMPREPLY < <(compgen -d -- "$current") && return ;;
    --layout) mapfile -t COMPREPLY < <(compgen -W "nchw nhwc" -- "$current") && return ;;
    --resize-mode) mapfile -t COMPREPLY < <(compgen -W "squash cover crop" -- "$current") && return ;;
    esac
    if [ -z "$command" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands --device --help --version" -- "$current")
    elif [[ $current == -* ]]; then
        local options
        options=$(fovea "$command" --help 2>/dev/null | grep -oE -- '^ +(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+')
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    elif [ "$command" = bench ] && [ "$previous" = bench ]; then
        local families="conv gemm pool norm softmax reduce elementwise move resize"
        mapfile -t COMPREPLY < <(compgen -W "compare device $families" -- "$current"; compgen -f -- "$current")
    elif [ "$command" = new ] || { [ "$command" = train ] && [ "$previous" = train ]; }; then
        local networks="lenet5 alexnet vgg11 vgg13 vgg16 vgg19 googlenet inception_v3 resnet20 resnet32 resnet56 resnet110 resnet18 resnet34
            resnet50 resnet101 resnet152 squeezenet1_1 mobilenet_v2"
        mapfile -t COMPREPLY < <(compgen -W "$networks" -- "$current"; compgen -f -- "$current")
    fi
}
complete -o default -F _fovea fovea
