/**
 * `ringfence completion bash|zsh|fish`: a script that completes commands, options, their choices, and files, made from the
 * command line itself, so that it is never behind. It runs nothing of Ringfence while one types.
 */
import { Argument, type Command, type Option } from 'commander';
import { helpText, type Register } from './command.js';
import { EXIT } from './exit.js';

interface Word {
  readonly word: string;
  readonly about: string;
  /** What may follow an option; empty if it takes no value, undefined if any text or file may. */
  readonly values: readonly string[] | undefined;
}

interface Entry {
  readonly name: string;
  readonly about: string;
  readonly options: readonly Word[];
  /** Choices of its first argument. */
  readonly choices: readonly string[];
}

function entries(program: Command): Entry[] {
  return program.commands.map((command) => ({
    name: command.name(),
    about: command.description(),
    options: [...command.options.map(optionWord), { word: '--help', about: 'print help', values: [] }],
    choices: command.registeredArguments[0]?.argChoices ?? [],
  }));
}

function optionWord(option: Option): Word {
  const takesValue = option.required || option.optional;
  return {
    word: option.long ?? option.short ?? '',
    about: option.description,
    values: takesValue ? option.argChoices : [],
  };
}

const words = (list: readonly { readonly word: string }[]): string => list.map(({ word }) => word).join(' ');
const single = (text: string): string => `'${text.replaceAll("'", `'"'"'`)}'`;

/** Options whose values are not files. */
const chosen = (entry: Entry): Word[] => entry.options.filter(({ values }) => (values ?? []).length > 0);

function bash(all: readonly Entry[]): string {
  const cases = all.map((entry) => {
    const values = chosen(entry).map(
      ({ word, values }) =>
        `        ${word}) COMPREPLY=($(compgen -W ${single((values ?? []).join(' '))} -- "$now")); return ;;`,
    );
    return [
      `    ${entry.name})`,
      ...(values.length > 0 ? ['      case "$before" in', ...values, '      esac'] : []),
      `      options=${single(words(entry.options))}`,
      `      choices=${single(entry.choices.join(' '))} ;;`,
    ].join('\n');
  });
  return `# ringfence completion for bash: source <(ringfence completion bash)
_ringfence() {
  local now="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" options='' choices=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${single([...all.map(({ name }) => name), '--help', '--version'].join(' '))} -- "$now"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$now" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$now")) ;;
    *) if [ -n "$choices" ]; then COMPREPLY=($(compgen -W "$choices" -- "$now")); else local IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$now")); fi ;;
  esac
}
complete -o filenames -F _ringfence ringfence
`;
}

function zsh(all: readonly Entry[]): string {
  const plain = (text: string): string => text.replace(/[[\]:'"\\]/g, ' ');
  const cases = all.map((entry) => {
    const options = entry.options.map(({ word, about, values }) => {
      const value = values === undefined ? ':value:_files' : values.length > 0 ? `:value:(${values.join(' ')})` : '';
      return single(`*${word}[${plain(about)}]${value}`);
    });
    const rest = entry.choices.length > 0 ? `:what:(${entry.choices.join(' ')})` : '*:file:_files';
    return `    ${entry.name}) _arguments ${[...options, single(rest)].join(' ')} ;;`;
  });
  const commands = all.map(({ name, about }) => single(`${name}:${plain(about)}`)).join(' ');
  return `#compdef ringfence
# ringfence completion for zsh: source <(ringfence completion zsh)
_ringfence() {
  local -a commands=(${commands})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name="\${words[2]}"
  shift words; (( CURRENT-- ))
  case "$name" in
${cases.join('\n')}
  esac
}
compdef _ringfence ringfence
`;
}

function fish(all: readonly Entry[]): string {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const lines = all.flatMap((entry) => {
    const on = `complete -c ringfence -n '__fish_seen_subcommand_from ${entry.name}'`;
    const options = entry.options.map(({ word, about, values }) => {
      const value = values === undefined ? ' -r' : values.length > 0 ? ` -x -a ${quoted(values.join(' '))}` : '';
      return `${on} -l ${word.replace(/^--/, '')}${value} -d ${quoted(about)}`;
    });
    const choices = entry.choices.length > 0 ? [`${on} -f -a ${quoted(entry.choices.join(' '))}`] : [];
    return [
      `complete -c ringfence -n __fish_use_subcommand -f -a ${entry.name} -d ${quoted(entry.about)}`,
      ...options,
      ...choices,
    ];
  });
  return `# ringfence completion for fish: ringfence completion fish | source\n${lines.join('\n')}\n`;
}

export const registerCompletion: Register = (program, io, done) => {
  program
    .command('completion')
    .description('print a completion script, for the words of this command in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      helpText(
        [
          'source <(ringfence completion bash)',
          'source <(ringfence completion zsh)',
          'ringfence completion fish | source',
        ],
        { 0: 'printed', 2: 'the arguments are wrong' },
      ),
    )
    .action((shell: string) => {
      const all = entries(program);
      io.out.write(shell === 'bash' ? bash(all) : shell === 'zsh' ? zsh(all) : fish(all));
      done(EXIT.ok);
    });
};
