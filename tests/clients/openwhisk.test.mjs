// OpenWhisk's own JavaScript client, as it is published, on the OpenWhisk of WHISK_APIHOST and WHISK_AUTH.
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import openwhisk from 'openwhisk'

const { WHISK_APIHOST: apihost, WHISK_AUTH: api_key, ZIP } = process.env
const ow = openwhisk({ apihost, api_key })
const ECHO = "def main(params):\n    print('said')\n    return {'got': params}\n"
const kind = 'python:default'
const named = () => `test-${randomBytes(5).toString('hex')}`
const status = code => error => error.statusCode === code

/** The record of an activation, when it is there. */
async function record (id) {
  for (const end = Date.now() + 30_000; ;) {
    try {
      return await ow.activations.get(id)
    } catch (error) {
      if (error.statusCode !== 404 || Date.now() > end) throw error
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
}

/** The operations of the client that the documentation lists. */
const documented = () => readFileSync(new URL('../../docs/openwhisk-api.md', import.meta.url), 'utf8')
  .match(/(?<=^\| `)ow\.\w+\.\w+(?=` \|)/gm)
const called = new Set()
for (const [name, resource] of Object.entries(ow)) {
  for (let proto = resource; proto && proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) {
    for (const verb of Object.getOwnPropertyNames(proto)) {
      const own = resource[verb]
      if (!/^(list|get|invoke|create|update|delete|enable|disable|logs|result)$/.test(verb)) continue
      if (Object.hasOwn(resource, verb)) continue
      resource[verb] = function (...options) {
        called.add(`ow.${name}.${verb}`)
        return own.apply(this, options)
      }
    }
  }
}

test('namespaces', async () => {
  const [namespace] = await ow.namespaces.list()
  assert.match(namespace, /\w/)
  const content = await ow.namespaces.get(namespace)
  assert.deepEqual(Object.keys(content).sort(), ['actions', 'packages', 'rules', 'triggers'])
})

test('routes: the API gateway is not here, and the error says so', async () => {
  const unavailable = error => error.statusCode === 501 && /not available here/.test(error.message)
  const isLocal = /qwhisk/.test((await (await fetch(`${apihost}/api/v1`)).json()).buildno)
  if (!isLocal) return
  await assert.rejects(ow.routes.list(), unavailable)
  await assert.rejects(ow.routes.get({ basepath: '/x' }), unavailable)
  await assert.rejects(ow.routes.create({ relpath: '/x', operation: 'get', action: 'y' }), unavailable)
  await assert.rejects(ow.routes.delete({ basepath: '/x' }), unavailable)
})

test('actions: create, update, get, list, invoke, delete', async () => {
  const name = named()
  const created = await ow.actions.create({ name, kind, action: ECHO, params: { a: 1 }, annotations: { note: 'x' } })
  assert.equal(created.version, '0.0.1')
  await assert.rejects(ow.actions.create({ name, kind, action: ECHO }), status(409))
  const updated = await ow.actions.update({ name, kind, action: ECHO, params: { a: 2 }, limits: { timeout: 5000 } })
  assert.deepEqual([updated.version, updated.limits.timeout], ['0.0.2', 5000])
  assert.equal((await ow.actions.get({ name })).exec.code, ECHO)
  assert.equal((await ow.actions.get({ name, code: false })).exec.code, undefined)
  assert.ok((await ow.actions.list({ limit: 200 })).some(item => item.name === name))
  assert.ok((await ow.actions.list({ count: true })).actions >= 1)

  const blocking = await ow.actions.invoke({ name, blocking: true, params: { b: 3 } })
  assert.deepEqual(blocking.response.result, { got: { a: 2, b: 3 } })
  assert.equal(blocking.response.status, 'success')
  assert.deepEqual(await ow.actions.invoke({ name, blocking: true, result: true }), { got: { a: 2 } })
  const { activationId } = await ow.actions.invoke({ name, params: { b: 4 } })
  assert.deepEqual((await record(activationId)).response.result, { got: { a: 2, b: 4 } })
  assert.match((await ow.activations.logs(activationId)).logs[0], /stdout: said$/)
  assert.deepEqual((await ow.activations.result(activationId)).result, { got: { a: 2, b: 4 } })

  assert.equal((await ow.actions.delete({ name })).name, name)
  await assert.rejects(ow.actions.get({ name }), status(404))
  await assert.rejects(ow.actions.invoke({ name }), status(404))
})

test('actions: a zip, an image, a sequence', async () => {
  const [zip, image, sequence] = [named(), named(), named()]
  await ow.actions.create({ name: zip, kind, action: Buffer.from(ZIP, 'base64') })
  assert.deepEqual(await ow.actions.invoke({ name: zip, blocking: true, result: true }), { n: 42 })
  await ow.actions.create({ name: image, action: ECHO, exec: { kind: 'blackbox', image: 'qwhisk/base' } })
  assert.equal((await ow.actions.get({ name: image })).exec.image, 'qwhisk/base')
  await ow.actions.create({ name: sequence, sequence: [`/_/${zip}`, `/_/${zip}`] })
  const ran = await ow.actions.invoke({ name: sequence, blocking: true })
  assert.deepEqual([ran.response.result, ran.logs.length], [{ n: 42 }, 2])
  for (const name of [sequence, image, zip]) await ow.actions.delete(name)
})

test('actions: errors arrive as the client expects them', async () => {
  const name = named()
  await ow.actions.create({ name, kind, action: "def main(p):\n    return {'error': 'not today'}\n" })
  await assert.rejects(ow.actions.invoke({ name, blocking: true }), error => {
    assert.equal(error.statusCode, 502)
    assert.equal(error.error.response.result.error, 'not today')
    return true
  })
  await ow.actions.delete(name)
  await assert.rejects(openwhisk({ apihost, api_key: 'a:b' }).actions.list(), status(401))
})

test('packages: create, update, get, list, bind, delete', async () => {
  const [name, bound, action] = [named(), named(), named()]
  await ow.packages.create({ name, package: { parameters: [{ key: 'a', value: 1 }] } })
  const updated = await ow.packages.update({ name, package: { parameters: [{ key: 'a', value: 2 }] } })
  assert.equal(updated.version, '0.0.2')
  await ow.actions.create({ name: `${name}/${action}`, kind, action: ECHO })
  await ow.packages.create({ name: bound, package: { binding: { namespace: '_', name } } })
  assert.deepEqual((await ow.packages.get({ name })).actions.map(item => item.name), [action])
  assert.ok((await ow.packages.list({ limit: 200 })).some(item => item.name === bound))
  const got = await ow.actions.invoke({ name: `${bound}/${action}`, blocking: true, result: true })
  assert.deepEqual(got, { got: { a: 2 } })
  assert.ok(Array.isArray(await ow.packages.list({ namespace: 'whisk.system' })))
  await ow.packages.update({ name, package: { version: '1.0', publish: true } })
  const shown = await ow.packages.get({ name })
  assert.deepEqual([shown.version, shown.publish, shown.parameters], ['1.0.0', true, [{ key: 'a', value: 2 }]])
  await assert.rejects(ow.packages.create({ name: 'default' }), status(400))
  assert.throws(() => ow.packages.invoke({ name }), /not supported/)
  await assert.rejects(ow.packages.delete({ name }), status(409))
  await ow.actions.delete(`${name}/${action}`)
  for (const each of [bound, name]) await ow.packages.delete(each)
  await assert.rejects(ow.packages.get({ name }), status(404))
})

test('triggers and rules: create, update, get, list, enable, fire, delete', async () => {
  const [trigger, rule, action] = [named(), named(), named()]
  await ow.actions.create({ name: action, kind, action: ECHO })
  await ow.triggers.create({ name: trigger, trigger: { parameters: [{ key: 'a', value: 1 }] } })
  assert.equal((await ow.triggers.update({ name: trigger, trigger: {} })).version, '0.0.2')
  await ow.rules.create({ name: rule, action, trigger })
  assert.equal((await ow.rules.update({ name: rule, action, trigger })).version, '0.0.2')
  assert.equal((await ow.rules.get({ name: rule })).status, 'active')
  assert.ok((await ow.rules.list({ limit: 200 })).some(item => item.name === rule))
  assert.ok((await ow.triggers.list({ limit: 200 })).some(item => item.name === trigger))
  await ow.rules.disable({ name: rule })
  assert.equal((await ow.rules.get({ name: rule })).status, 'inactive')
  await ow.rules.enable({ name: rule })
  assert.ok((await ow.triggers.get({ name: trigger })).rules)
  const { activationId } = await ow.triggers.invoke({ name: trigger, params: { b: 2 } })
  const entry = JSON.parse((await record(activationId)).logs[0])
  const { __ow_headers: headers, ...got } = (await record(entry.activationId)).response.result.got
  assert.deepEqual(got, { a: 1, b: 2 })
  assert.match(headers['content-type'], /json/)
  assert.throws(() => ow.rules.invoke({ name: rule }), /not supported/)
  await ow.rules.delete({ name: rule })
  await ow.triggers.delete({ name: trigger })
  await ow.actions.delete(action)
  await assert.rejects(ow.triggers.get({ name: trigger }), status(404))
})

test('feeds: an action that is notified of its trigger', async () => {
  const [feed, trigger] = [named(), named()]
  await ow.actions.create({ name: feed, kind, action: ECHO })
  const { response } = await ow.feeds.create({ name: feed, trigger, params: { cron: '* * * * *' } })
  assert.deepEqual([response.result.got.lifecycleEvent, response.result.got.cron], ['CREATE', '* * * * *'])
  for (const [verb, event] of [['get', 'READ'], ['update', 'UPDATE'], ['delete', 'DELETE']]) {
    const { response } = await ow.feeds[verb]({ name: feed, trigger })
    assert.equal(response.result.got.lifecycleEvent, event)
    assert.match(response.result.got.triggerName, new RegExp(`^/_/${trigger}$`))
  }
  await ow.triggers.create({ name: trigger, trigger: { annotations: [{ key: 'feed', value: '/whisk.system/alarms/alarm' }] } })
  await ow.triggers.delete({ name: trigger })
  await ow.actions.delete(feed)
})

test('activations: list with filters', async () => {
  const name = named()
  await ow.actions.create({ name, kind, action: ECHO })
  const ids = []
  for (let i = 0; i < 3; i++) ids.unshift((await ow.actions.invoke({ name, blocking: true })).activationId)
  await Promise.all(ids.map(record))
  const listed = await ow.activations.list({ name, limit: 2, skip: 1, docs: true })
  assert.deepEqual(listed.map(item => item.activationId), ids.slice(1))
  assert.ok(listed[0].response.success)
  await ow.actions.delete(name)
})

test('compositions: a conductor action', async () => {
  const [add, conductor] = [named(), named()]
  await ow.actions.create({ name: add, kind, action: "def main(p):\n    return {'n': p['n'] + 1}\n" })
  const code = `def main(p):
    if p['n'] >= 3:
        return {'params': {'n': p['n']}}
    return {'action': '${add}', 'params': p, 'state': {'kept': True}}
`
  await ow.actions.create({ name: conductor, kind, action: code, annotations: { conductor: true } })
  const ran = await ow.actions.invoke({ name: conductor, blocking: true, params: { n: 1 } })
  assert.deepEqual([ran.response.result, ran.logs.length], [{ n: 3 }, 5])
  for (const name of [conductor, add]) await ow.actions.delete(name)
})

test('the documentation lists every operation of the client, and each was called', () => {
  const listed = documented()
  assert.ok(listed.length > 30)
  const isLocal = [...called].some(name => name.startsWith('ow.routes'))
  const expected = listed.filter(name => isLocal || !name.startsWith('ow.routes'))
  assert.deepEqual([...called].sort(), expected.sort())
})
