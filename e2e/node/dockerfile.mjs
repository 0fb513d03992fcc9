// Reads a Dockerfile, named by the only argument, and prints {problems: [text], steps: [{keyword, flags: {name: value}, rest}]}.
import fs from 'node:fs'
import { DockerfileParser } from 'dockerfile-ast'
import { validate } from 'dockerfile-utils'

const text = fs.readFileSync(process.argv[2], 'utf8')
const problems = validate(text).map((p) => `line ${p.range.start.line + 1}: ${p.message}`)
const steps = DockerfileParser.parse(text)
  .getInstructions()
  .map((step) => ({
    keyword: step.getKeyword(),
    flags: Object.fromEntries((step.getFlags?.() ?? []).map((flag) => [flag.getName(), flag.getValue()])),
    rest: step
      .getArguments()
      .map((argument) => argument.getValue())
      .join(' '),
  }))
process.stdout.write(JSON.stringify({ problems, steps }))
