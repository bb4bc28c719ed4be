// Adobe's library for OpenWhisk, as it is published: its client, and its deployment of a manifest.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import runtime from '@adobe/aio-lib-runtime'

const { WHISK_APIHOST: apihost, WHISK_AUTH: api_key } = process.env
const { init, utils } = runtime
const ow = await init({ apihost, api_key, namespace: '_' })
const ECHO = "def main(params):\n    return {'got': params}\n"
const named = () => `test-${randomBytes(5).toString('hex')}`

test('the client: actions, packages, triggers, rules, activations', async () => {
  const [action, trigger, rule, pack] = [named(), named(), named(), named()]
  await ow.packages.create({ name: pack, package: { parameters: [{ key: 'a', value: 1 }] } })
  await ow.actions.create({ name: `${pack}/${action}`, kind: 'python:default', action: ECHO })
  await ow.actions.update({ name: `${pack}/${action}`, kind: 'python:default', action: ECHO })
  assert.equal((await ow.actions.get(`${pack}/${action}`)).version, '0.0.2')
  const blocking = await ow.actions.invoke({ name: `${pack}/${action}`, blocking: true, params: { b: 2 } })
  assert.deepEqual(blocking.response.result, { got: { a: 1, b: 2 } })
  assert.deepEqual(
    await ow.actions.invoke({ name: `${pack}/${action}`, blocking: true, result: true }), { got: { a: 1 } })
  await ow.triggers.create({ name: trigger, trigger: {} })
  await ow.rules.create({ name: rule, trigger, action: `${pack}/${action}` })
  const { activationId } = await ow.triggers.invoke({ name: trigger })
  assert.match(activationId, /^[0-9a-f]{32}$/)
  assert.ok((await ow.activations.list({ limit: 200 })).length >= 3)
  await ow.rules.delete(rule)
  await ow.triggers.delete({ name: trigger })
  await ow.actions.delete(`${pack}/${action}`)
  await ow.packages.delete(pack)
  assert.ok(!(await ow.packages.list({ limit: 200 })).some(item => item.name === pack))
})

test('its logs', async () => {
  const name = named()
  await ow.actions.create({ name, kind: 'python:default', action: "def main(p):\n    print('heard')\n    return {}\n" })
  await ow.actions.invoke({ name, blocking: true })
  const lines = []
  const { lastActivationTime } = await utils.printFilteredActionLogs(
    { actions: ow.actions, activations: ow.activations, initOptions: ow.initOptions }, line => lines.push(line), 5, [name], true)
  assert.ok(lines.includes('heard'), lines.join('\n'))
  assert.ok(lastActivationTime > 0)
  await ow.actions.delete(name)
})

test('a manifest is deployed and undeployed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aio-'))
  const [pack, trigger, rule] = [named(), named(), named()]
  process.env.FROM_OUTSIDE = 'seen'
  try {
    const code = join(folder, 'echo.py')
    writeFileSync(code, ECHO)
    const manifest = {
      [pack]: {
        inputs: { outside: '${FROM_OUTSIDE}' },
        actions: {
          echo: { function: code, docker: 'qwhisk/base', limits: { timeout: 5000, memorySize: 128 } },
          page: { function: code, docker: 'qwhisk/base', web: 'yes', inputs: { own: 7 } }
        },
        sequences: { twice: { actions: 'echo,echo' } },
        triggers: { [trigger]: { inputs: { a: 1 } } },
        rules: { [rule]: { trigger, action: 'echo' } }
      }
    }
    const entities = utils.processPackage(manifest, {}, {}, {}, false, ow.initOptions)
    await utils.deployPackage(entities, ow, () => {})
    assert.deepEqual(
      await ow.actions.invoke({ name: `${pack}/echo`, blocking: true, result: true }), { got: { outside: 'seen' } })
    assert.deepEqual(
      await ow.actions.invoke({ name: `${pack}/twice`, blocking: true, result: true, params: { x: 1 } }),
      { got: { outside: 'seen', got: { outside: 'seen', x: 1 } } })
    assert.deepEqual((await ow.actions.get(`${pack}/echo`)).limits.timeout, 5000)
    const [namespace] = await ow.namespaces.list()
    const { got } = await (await fetch(`${apihost}/api/v1/web/${namespace}/${pack}/page.json?q=1`)).json()
    assert.deepEqual([got.own, got.q, got.outside], [7, '1', 'seen'])
    assert.equal((await ow.rules.get(rule)).status, 'active')
    await utils.undeployPackage(utils.processPackage(manifest, {}, {}, {}, true, ow.initOptions), ow, () => {})
    assert.ok(!(await ow.packages.list({ limit: 200 })).some(item => item.name === pack))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
