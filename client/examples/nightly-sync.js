#!/usr/bin/env node
// A member's nightly sync with the register, with stock gRPC.
//
//     nightly-sync.js FILE [--confirm-retire N]
//
// FILE holds all the sites of this member, one JSON object a line: source_id,
// its identifier in the member's own system, and the fields of
// resopro.v1.Site.  What the register has of this source and FILE lacks is
// retired.
//
// RESOPRO_SERVER is host:port; RESOPRO_CA, RESOPRO_CERT and RESOPRO_KEY are PEM
// files; RESOPRO_SOURCE names the member's system; RESOPRO_STATE is a file for
// what must outlive this program; RESOPRO_PROTO is where the .proto files are.
// Exit codes: 0 done, 1 refused (correct the data), 75 try again later (the
// next run goes on where this one stopped).
// See README.md beside this file for how to start.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const { parseArgs } = require('util');
const { setTimeout: pause } = require('timers/promises');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const { env } = process;
const SOURCE = env.RESOPRO_SOURCE || 'my-system';
const STATE = env.RESOPRO_STATE || 'nightly-sync.state';
const PROTO = env.RESOPRO_PROTO || '/usr/share/resopro/proto';
const BATCH = 500; // records a message: the register takes up to 1,000
const ATTEMPTS = 4;
const PASSING = [grpc.status.UNAVAILABLE, grpc.status.DEADLINE_EXCEEDED,
  grpc.status.RESOURCE_EXHAUSTED];

function readSites(path) {
  const lines = fs.readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => {
    const { source_id, ...site } = JSON.parse(line);
    return { record: { kind: 'KIND_SITE', source_id, site } };
  });
}

// What is streamed: one start, batches, one end that says how many.
function* steps(start, records) {
  yield { start };
  for (let i = 0; i < records.length; i += BATCH)
    yield { batch: { records: records.slice(i, i + BATCH) } };
  yield { end: { records: records.length } };
}

// The request id of this very set.  It is on disk before anything is sent: a
// run that was cut off does not know whether its set was applied, and sends it
// again under the same id, which the register does once.
function intention(digest) {
  if (fs.existsSync(STATE)) {
    const [kept, requestId] = fs.readFileSync(STATE, 'ascii').split(/\s+/);
    if (kept === digest && requestId)
      return requestId;
  }
  const requestId = crypto.randomUUID().replaceAll('-', '');
  const fd = fs.openSync(`${STATE}.new`, 'w', 0o600);
  fs.writeSync(fd, `${digest} ${requestId}\n`);
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  fs.renameSync(`${STATE}.new`, STATE);
  return requestId;
}

function show(item) {
  const action = item.action.replace('SYNC_ACTION_', '').toLowerCase();
  console.log(`${action.padEnd(9)} ${item.source_id} ${item.name}`);
  for (const c of item.changes)
    console.log(`          ${c.field}: ${c.before} -> ${c.after}`);
  for (const r of item.refusals)
    console.log(`          ${r.message}; ${r.remedy}`);
}

// One attempt: the result; the plan is shown as it comes.
function sync(client, start, records) {
  return new Promise((resolve, reject) => {
    const call = client.Sync({ deadline: Date.now() + 600000 });
    let result;
    call.on('data', (answer) => {
      if (answer.plan)
        answer.plan.items.forEach(show);
      result = answer.result || result;
    });
    call.on('error', reject);
    call.on('end', () => (result ? resolve(result) :
      reject(new Error('the register ended the stream without a result'))));
    (async () => {
      for (const step of steps(start, records))
        if (!call.write(step)) // the register reads more slowly: wait for it
          await new Promise((go) => call.once('drain', go));
      call.end();
    })();
  });
}

function connect() {
  const api = grpc.loadPackageDefinition(loader.loadSync(
    'resopro/v1/registry.proto', { includeDirs: [PROTO, '/usr/include'],
      keepCase: true, enums: String, longs: String, arrays: true,
      defaults: true, oneofs: true }));
  const [ca, key, cert] = ['RESOPRO_CA', 'RESOPRO_KEY', 'RESOPRO_CERT']
    .map((name) => fs.readFileSync(env[name]));
  return new api.resopro.v1.Registry(env.RESOPRO_SERVER,
    grpc.credentials.createSsl(ca, key, cert));
}

async function main() {
  const { values, positionals: [file] } = parseArgs({ allowPositionals: true,
    options: { 'confirm-retire': { type: 'string', default: '0' } } });
  const records = readSites(file);
  const start = { source: SOURCE, mode: 'SYNC_MODE_FULL',
    kinds: ['KIND_SITE'], confirm_retire: Number(values['confirm-retire']) };
  const hash = crypto.createHash('sha256'); // of all that the id stands for
  for (const step of steps(start, records))
    hash.update(JSON.stringify(step));
  start.request_id = intention(hash.digest('hex'));
  const client = connect();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const r = await sync(client, start, records);
      fs.unlinkSync(STATE);
      console.log(`revision ${r.revision}: ${r.created} created, ` +
        `${r.updated} updated, ${r.unchanged} unchanged, ${r.retired} retired` +
        (r.replayed ? ' (by an earlier run)' : ''));
      return 0;
    } catch (error) {
      if (typeof error.code !== 'number')
        throw error; // not gRPC's
      console.error(`${grpc.status[error.code]}: ${error.details}`);
      if (!PASSING.includes(error.code)) {
        fs.unlinkSync(STATE); // an answer: nothing was applied
        return 1;
      }
    }
    // Apart from those that were cut off at the same moment.
    await pause(2 ** attempt * (500 + Math.random() * 1000));
  }
  return 75; // the intention stays for the next run
}

main().then((code) => process.exit(code));
