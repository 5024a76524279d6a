/** `ringfence schema` */
import { Argument } from 'commander';
import { languageJsonSchema, resultsJsonSchema } from '../index.js';
import { helpText, type Register } from './command.js';
import { EXIT } from './exit.js';

export const registerSchema: Register = (program, io, done) => {
  program
    .command('schema')
    .description('print a JSON Schema: of scenarios (for editors), or of the results of a sweep')
    .addArgument(new Argument('[what]', 'whose schema').choices(['scenario', 'results']).default('scenario'))
    .addHelpText(
      'after',
      helpText(
        [
          'ringfence schema > scenario.schema.json',
          '# yaml-language-server: $schema=scenario.schema.json  (on line 1)',
          'ringfence schema results',
        ],
        { 0: 'printed', 2: 'the arguments are wrong' },
      ),
    )
    .action((what: string) => {
      const schema = what === 'results' ? resultsJsonSchema() : languageJsonSchema();
      io.out.write(`${JSON.stringify(schema, null, 2)}\n`);
      done(EXIT.ok);
    });
};
