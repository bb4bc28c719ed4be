// Deploys the manifest.yaml of a folder with Adobe's library for OpenWhisk, or undeploys it: node deploy-manifest.mjs FOLDER [undeploy]
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import runtime from '@adobe/aio-lib-runtime'

const yaml = createRequire(import.meta.url)('js-yaml')
const { WHISK_APIHOST: apihost, WHISK_AUTH: api_key } = process.env
const [folder, undeploy] = process.argv.slice(2)
const ow = await runtime.init({ apihost, api_key, namespace: '_' })
const { packages } = yaml.load(readFileSync(join(folder, 'manifest.yaml'), 'utf8'))
process.chdir(folder)
try {
  const entities = runtime.utils.processPackage(packages, {}, {}, {}, Boolean(undeploy), ow.initOptions)
  await runtime.utils[undeploy ? 'undeployPackage' : 'deployPackage'](entities, ow, () => {})
} catch (error) {
  console.error(error.message)
  process.exit(1)
}
