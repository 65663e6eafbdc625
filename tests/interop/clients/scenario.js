// The scenario of every stock client, in JavaScript; methods.js goes on with
// all the rest of the interface.  A key is a test's claim.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const MEMBER = 'mission-locale-des-jeunes-du-bocage';
const { RESOPRO_SERVER: server, PKI: pki } = process.env;
const read = (name) => fs.readFileSync(path.join(pki, name));
const loaded = grpc.loadPackageDefinition(loader.loadSync(
  ['registry', 'admin', 'referrals', 'territories', 'activities',
    'memberships', 'ownership'].map((n) => `resopro/v1/${n}.proto`)
    .concat('google/rpc/status.proto', 'google/rpc/error_details.proto',
      'grpc/health/v1/health.proto', 'grpc/reflection/v1/reflection.proto',
      'grpc/reflection/v1alpha/reflection.proto'),
  { includeDirs: ['proto', '/usr/include'], longs: Number, enums: String,
    defaults: true, oneofs: true, keepCase: true }));
const api = loaded.resopro.v1;

const services = { registry: api.Registry, admin: api.Admin,
  referrals: api.Referrals, territories: api.Territories,
  activities: api.Activities, memberships: api.Memberships,
  ownership: api.Ownership,
  health: loaded.grpc.health.v1.Health,
  reflection: loaded.grpc.reflection.v1.ServerReflection,
  reflectionAlpha: loaded.grpc.reflection.v1alpha.ServerReflection };
const methods = () => Object.values(services).flatMap((s) =>
  Object.values(s.service).map((m) => m.path));

// Paths of the methods that answered with a message.
const answered = new Set();
const note = (options, next) => new grpc.InterceptingCall(next(options), {
  start: (metadata, listener, go) => go(metadata, {
    onReceiveMessage(message, pass) {
      if (message)
        answered.add(options.method_definition.path);
      pass(message);
    } }) });

const pair = (account) => account === null ? [] :
  [read(`account-${account}.key`), read(`account-${account}.pem`)];

function connect(account, options = {}) {
  const credentials = grpc.credentials.createSsl(read('ca.pem'),
    ...pair(account));
  return Object.fromEntries(Object.entries(services).map(([name, Client]) =>
    [name, new Client(server, credentials, { interceptors: [note],
      'grpc.max_receive_message_length': 32 << 20, ...options })]));
}

const call = (client, method, request, ...rest) =>
  new Promise((done, fail) => client[method](request, ...rest,
    (error, answer) => error ? fail(error) : done(answer)));

async function refused(promise, code) {
  try {
    await promise;
  } catch (error) {
    assert.strictEqual(error.code, code,
      `${error.code} instead of ${code}: ${error.details}`);
    return error;
  }
  throw new Error(`was not refused with ${code}`);
}

const newId = () => crypto.randomUUID().replace(/-/g, '');
const site = (nom, id, fields = {}) => ({ id, kind: 'KIND_SITE',
  owner: MEMBER, source: 'node', source_id: id,
  site: { organisation_id: MEMBER, nom, code_insee: '61169', ...fields } });
const put = (c, record, fields = {}) => call(c.registry, 'Put',
  { request_id: newId(), record, ...fields });

const whole = (stream) => new Promise((done, fail) => {
  const messages = [];
  stream.on('data', (m) => messages.push(m));
  stream.on('error', fail);
  stream.on('end', () => done(messages));
});

// Messages until `enough` says so; then the stream is cancelled.
const until = (stream, enough) => new Promise((done, fail) => {
  const messages = [];
  stream.on('data', (m) => {
    messages.push(m);
    if (enough(m, messages)) {
      stream.cancel();
      done(messages);
    }
  });
  stream.on('error', (e) => e.code === grpc.status.CANCELLED || fail(e));
});

function sync(c, records, fields = {}) {
  const stream = c.registry.Sync();
  stream.write({ start: { request_id: newId(), owner: MEMBER,
    source: 'node-sync', mode: 'SYNC_MODE_DELTA', kinds: ['KIND_SITE'],
    ...fields } });
  for (let i = 0; i < records.length; i += 1000)
    stream.write({ batch: { records: records.slice(i, i + 1000)
      .map((record) => ({ record })) } });
  stream.write({ end: { records: records.length } });
  stream.end();
  return whole(stream).then((all) => all[all.length - 1].result);
}

const agency = connect('agence');
const member = connect('bocage');

const tests = {
  async whoami__certificate__is_the_account() {
    const who = await call(member.admin, 'WhoAmI', {});
    assert.strictEqual(who.account.id, 'bocage');
  },
  async put_get_history_delete__one_record__each_step_is_seen() {
    const made = await put(member, site('Antenne', 'node-1'));
    const name = { kind: 'KIND_SITE', id: 'node-1' };
    assert.strictEqual(made.record.version, 1);
    const got = await call(member.registry, 'Get', name);
    assert.strictEqual(got.record.site.nom, 'Antenne');
    await put(member, site('Antenne nouvelle', 'node-1'));
    const old = await call(member.registry, 'Get',
      { ...name, as_of: { revision: made.revision } });
    assert.strictEqual(old.record.site.nom, 'Antenne');
    const past = await call(member.registry, 'History', name);
    assert.deepStrictEqual(past.entries.map((e) => e.version), [2, 1]);
    await call(member.registry, 'Delete', { request_id: newId(), ...name });
    await refused(call(member.registry, 'Get', name),
      grpc.status.NOT_FOUND);
  },
  async search__words_of_one_site__found() {
    await put(member, site('Antenne du Frêne doré', 'node-q'));
    const found = await call(agency.registry, 'Search',
      { query: 'frene dor', kinds: ['KIND_SITE'], why: true });
    assert.deepStrictEqual(found.hits.map((h) => h.id), ['node-q']);
    assert.strictEqual(found.hits[0].why[1].how, 'SEARCH_HOW_BEGINNING');
  },
  async put__version_moved__aborted() {
    await put(member, site('Antenne V', 'node-v'));
    await refused(put(member, site('Antenne W', 'node-v'),
      { if_version: 9, check_version: true }), grpc.status.ABORTED);
  },
  async put__bad_value__details_name_the_field() {
    const error = await refused(put(member, site('Antenne C', 'node-c',
      { siret: '12345678901234' })), grpc.status.INVALID_ARGUMENT);
    const [raw] = error.metadata.get('grpc-status-details-bin');
    assert.ok(raw.includes('google.rpc.BadRequest'));
    assert.ok(raw.includes('siret'));
  },
  async sync__dry_run_then_real_then_again__planned_created_unchanged() {
    const records = Array.from({ length: 300 }, (_, i) =>
      ({ ...site(`Lieu ${i}`, ''), source_id: `s${i}` }));
    const planned = await sync(member, records, { dry_run: true });
    assert.strictEqual(planned.created, 300);
    assert.strictEqual(planned.applied, false);
    assert.strictEqual((await sync(member, records)).created, 300);
    assert.strictEqual((await sync(member, records)).unchanged, 300);
  },
  async watch__cut_then_resumed__no_change_is_lost() {
    const filter = { kinds: ['KIND_SITE'], owner: MEMBER };
    const seen = await until(member.registry.Watch({ ...filter,
      snapshot: true }), (m) => m.snapshot_done);
    const from = seen[seen.length - 1].revision + 1;
    for (let i = 0; i < 10; i++)
      await put(member, site(`Suivi ${i}`, `node-w${i}`));
    let n = 0;
    const rest = await until(member.registry.Watch({ ...filter,
      from_revision: from }), (m) => (n += m.events.length) >= 10);
    assert.deepStrictEqual(rest.flatMap((m) => m.events)
      .map((e) => e.record.site.nom),
      Array.from({ length: 10 }, (_, i) => `Suivi ${i}`));
  },
  async watch__parallel_100__all_get_their_snapshot() {
    await Promise.all(Array.from({ length: 100 }, () =>
      until(agency.registry.Watch({ kinds: ['KIND_ORGANISATION'],
        snapshot: true }), (m) => m.snapshot_done)));
  },
  async message__beyond_4_mib__resource_exhausted() {
    await refused(put(member, site('Grand', 'node-big',
      { description: 'x'.repeat((4 << 20) - 1000) })),
      grpc.status.INVALID_ARGUMENT);
    await refused(put(member, site('Grand', 'node-big',
      { description: 'x'.repeat(5 << 20) })),
      grpc.status.RESOURCE_EXHAUSTED);
  },
  async deadline__watch_without_events__exceeded() {
    await refused(whole(member.registry.Watch({ kinds: ['KIND_OFFER'] },
      { deadline: Date.now() + 300 })), grpc.status.DEADLINE_EXCEEDED);
  },
  async cancel__watch__cancelled_and_the_channel_goes_on() {
    const stream = member.registry.Watch({ kinds: ['KIND_OFFER'] });
    setTimeout(() => stream.cancel(), 50);
    await refused(whole(stream), grpc.status.CANCELLED);
    await call(member.admin, 'WhoAmI', {});
  },
  async gzip__both_ways__same_answers() {
    const c = connect('agence',
      { 'grpc.default_compression_algorithm': 2 });
    const request = { kind: 'KIND_ORGANISATION', page_size: 100 };
    assert.deepStrictEqual(await call(c.registry, 'List', request),
      await call(agency.registry, 'List', request));
  },
  async credentials__none__unauthenticated() {
    await refused(call(connect(null).admin, 'WhoAmI', {}),
      grpc.status.UNAUTHENTICATED);
  },
  async find_and_resolve__normandy__answered() {
    const found = await call(agency.referrals, 'Find',
      { commune: '61169', age: 20, situation: 'sans_activite' });
    assert.ok(found.lines.length > 0 && found.lines[0].rank === 1);
    const places = await call(agency.territories, 'Resolve',
      { text: '14400' });
    assert.ok(places.total > 10);
  },
};

(async () => {
  let failed = 0;
  const more = require('./methods.js')({ rpc: loaded.google.rpc, connect,
    call, refused, put, site, newId, whole, until, answered, methods, pki,
    agency, member, MEMBER });
  for (const [name, test] of Object.entries({ ...tests, ...more })) {
    const late = setTimeout(() => {
      console.log(`[  FAILED  ] ${name}\nno answer in 60 s`);
      process.exit(1);
    }, 60000);
    try {
      await test();
      console.log(`[       OK ] ${name}`);
    } catch (error) {
      failed++;
      console.log(`[  FAILED  ] ${name}`);
      console.log(error.stack);
    }
    clearTimeout(late);
  }
  process.exit(failed ? 1 : 0);
})();
