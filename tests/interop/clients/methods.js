// What scenario.js leaves open, in JavaScript: the methods it has no need of,
// refusals with their details decoded, messages at the limit, and what the
// daemon frees when a client goes away.  A key is a test's claim.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');

const LIMIT = 4 << 20;
const PERIOD = { from: '2026-01-01', to: '2026-06-30' };

module.exports = ({ rpc, connect, call, refused, put, site, newId, whole,
  until, answered, methods, pki, agency, member, MEMBER }) => {
  const name = (id) => ({ kind: 'KIND_SITE', id });
  const nobody = connect(null);
  const operator = connect('exploitation');

  // google.rpc details of an error, by type.
  function details(error) {
    const [raw] = error.metadata.get('grpc-status-details-bin');
    assert.ok(raw, 'no grpc-status-details-bin');
    const status = rpc.Status.deserialize(raw);
    assert.strictEqual(status.code, error.code);
    assert.strictEqual(status.message, error.details);
    return Object.fromEntries(status.details.map((any) => {
      const type = any.type_url.split('.').pop();
      return [type, rpc[type].deserialize(any.value)];
    }));
  }

  const watches = async () =>
    (await call(operator.admin, 'Status', {})).watches;
  // The streams of all workers; another worker's count may be a second old.
  async function watchesBecome(n) {
    for (const end = Date.now() + 30000; Date.now() < end;)
      if (await watches() === n)
        return;
    assert.strictEqual(await watches(), n, 'watches that the daemon has open');
  }

  // One set of exactly `bytes` on the wire, in one message.
  function batch(client, bytes, source) {
    const size = (m) => client.registry.Sync.requestSerialize(m).length;
    const records = Array.from({ length: 900 }, (_, i) => ({ record: {
      ...site(`Grand lieu ${i}`, ''), source_id: `${source}-${i}` } }));
    const message = { batch: { records } };
    const each = Math.floor((bytes - size(message)) / records.length) - 10;
    for (const { record } of records)
      record.site.description = 'x'.repeat(each);
    records[0].record.site.description += 'x'.repeat(bytes - size(message));
    assert.strictEqual(size(message), bytes);
    return message;
  }
  const start = (fields = {}) => ({ start: { request_id: newId(),
    owner: MEMBER, source: 'node-methods', mode: 'SYNC_MODE_DELTA',
    kinds: ['KIND_SITE'], ...fields } });
  function send(client, ...steps) {
    const stream = client.registry.Sync();
    steps.forEach((step) => stream.write(step));
    stream.end();
    return whole(stream);
  }
  const result = (all) => all[all.length - 1].result;

  return {
    async batch_get_list_confirm__many_records__named_paged_counted() {
      for (const i of [1, 2, 3])
        await put(member, site(`Lieu M${i}`, `node-m${i}`));
      const names = ['node-m1', 'node-m3'].map(name);
      const some = await call(member.registry, 'BatchGet',
        { names: [...names, name('node-absent')] });
      assert.deepStrictEqual(some.records.map((r) => r.id),
        ['node-m1', 'node-m3']);
      assert.deepStrictEqual(some.missing, [name('node-absent')]);
      const page = { kind: 'KIND_SITE', page_size: 3 };
      const ids = [], revisions = new Set();
      do {
        const answer = await call(agency.registry, 'List', page);
        ids.push(...answer.records.map((r) => r.id));
        revisions.add(answer.revision);
        page.page_token = answer.next_page_token;
      } while (page.page_token);
      assert.deepStrictEqual(ids, [...new Set(ids)].sort());
      assert.ok(ids.includes('node-m2') && revisions.size === 1);
      const { confirmed } = await call(member.registry, 'Confirm',
        { request_id: newId(), names });
      assert.strictEqual(confirmed, 2);
      const { counts } = await call(member.registry, 'FreshnessCounts',
        { kind: 'KIND_SITE', owner: MEMBER });
      assert.ok(counts.length === 1 && counts[0].confirmed >= 2, counts);
    },
    async dispute__siret_of_another__opened_given_up_decided() {
      const near = connect('ccas-flers'), owner = 'ccas-de-flers';
      for (const [siret, end] of [
        ['70000001100010', (id) => call(near.ownership, 'WithdrawDispute',
          { request_id: newId(), id, reason: 'Erreur de saisie' })],
        ['70000002900012', (id) => call(agency.ownership, 'ResolveDispute',
          { request_id: newId(), id, resolved_for: MEMBER,
            reason: 'Certificat SIRENE' })]]) {
        await put(member, site('Lieu', `node-${siret}`, { siret }));
        const theirs = { ...site('Lieu', `node-x-${siret}`, { siret,
          organisation_id: owner }), owner };
        const error = await refused(put(near, theirs),
          grpc.status.FAILED_PRECONDITION);
        const { dispute } = details(error).ErrorInfo.metadata;
        const { record } = await end(dispute);
        assert.strictEqual(record.dispute.resolved_for, MEMBER);
        assert.strictEqual(record.dispute.holder.owner, MEMBER);
      }
    },
    async transfer__offered_and_asked_for__ended_each_way() {
      const near = connect('ccas-flers'), to = 'ccas-de-flers';
      const begin = async (id, method, client) => {
        const begun = await call(client.ownership, method, { request_id:
          newId(), kind: 'KIND_SITE', record_id: id, organisation_id: to });
        return { request_id: newId(), id: begun.record.id,
          secret: begun.secret };
      };
      await put(member, site('Lieu', 'node-cede'));
      for (const [offer, client, end, state] of [
        ['OfferTransfer', member, 'CancelTransfer', 'CANCELLED'],
        ['RequestTransfer', near, 'RejectTransfer', 'REJECTED'],
        ['RequestTransfer', near, 'ApproveTransfer', 'APPROVED']]) {
        const ending = await begin('node-cede', offer, client);
        const { record } = await call(member.ownership, end, ending);
        assert.strictEqual(record.transfer.state, `TRANSFER_STATE_${state}`);
      }
      const { record } = await call(near.registry, 'Get', name('node-cede'));
      assert.strictEqual(record.owner, to);
    },
    async status__recorded_then_ended__holds_between_its_dates() {
      const title = { organisation_id: MEMBER, title: 'label-spro-conseil',
        legal_basis: 'C. trav. L6111-5', authority: 'Région Normandie',
        decision_number: 'R-2026-1', from: PERIOD.from };
      const { record } = await call(agency.memberships, 'RecordStatus',
        { request_id: newId(), status: title });
      const error = await refused(call(agency.memberships, 'RecordStatus',
        { request_id: newId(), status: title }),
        grpc.status.FAILED_PRECONDITION);
      assert.ok(details(error).PreconditionFailure.violations.length > 0);
      await call(agency.memberships, 'EndStatus', { request_id: newId(),
        id: record.id, to: PERIOD.to, reason: 'Fin de la convention' });
      for (const [day, holds] of [['2026-06-30', true],
        ['2026-07-01', false]]) {
        const held = await call(agency.registry, 'List', {
          kind: 'KIND_STATUS', organisation_id: MEMBER, active_on: day });
        assert.strictEqual(held.records.some((r) => r.id === record.id),
          holds, day);
      }
    },
    async activity__declared__listed_and_refused_twice() {
      const declare = { source: 'node', source_id: 'forum', activity: {
        organisation_id: MEMBER, activity_kind: 'A11',
        title: 'Forum des métiers', start: '2024-03-12', communes: ['61169'],
        people: 10 } };
      const made = await call(member.activities, 'Declare',
        { request_id: newId(), ...declare });
      const listed = await call(member.activities, 'List',
        { organisation_id: MEMBER });
      assert.ok(listed.records.some((r) => r.id === made.record.id));
      await refused(call(member.activities, 'Declare',
        { request_id: newId(), ...declare }), grpc.status.ALREADY_EXISTS);
    },
    async zones__departements__five_of_normandy() {
      const { zones } = await call(member.territories, 'ListZones',
        { type: 'dep' });
      assert.deepStrictEqual(zones.map((z) => z.code),
        ['14', '27', '50', '61', '76'].map((d) => `dep:${d}`));
    },
    async account__put_got_listed_explained__as_one_decision() {
      const account = { id: 'node-essai', organisation_id: MEMBER,
        roles: ['ROLE_MEMBER_READER'] };
      const made = await call(agency.admin, 'PutAccount',
        { request_id: newId(), account });
      assert.strictEqual(made.version, 1);
      const got = await call(agency.admin, 'GetAccount', { id: account.id });
      assert.deepStrictEqual(got.account, made.account);
      const { accounts } = await call(agency.admin, 'ListAccounts', {});
      assert.ok(accounts.some((a) => a.id === account.id));
      for (const [id, may] of [['bocage', true], [account.id, false]]) {
        const why = await call(agency.admin, 'Explain', { account_id: id,
          method: 'Registry/Put', kind: 'KIND_SITE',
          record_id: `${MEMBER}-site` });
        assert.strictEqual(why.allowed, may, `${id}: ${why.reason}`);
      }
      await refused(call(member.admin, 'ListAccounts', {}),
        grpc.status.PERMISSION_DENIED);
    },
    async token__created__speaks_for_its_account_until_revoked() {
      const made = await call(agency.admin, 'CreateToken',
        { request_id: newId(), account_id: 'bocage' });
      const metadata = new grpc.Metadata();
      metadata.set('authorization', `Bearer ${made.secret}`);
      const who = await call(nobody.admin, 'WhoAmI', {}, metadata);
      assert.strictEqual(who.credential, `token ${made.token_id}`);
      await call(agency.admin, 'RevokeToken', { request_id: newId(),
        account_id: 'bocage', token_id: made.token_id });
      await refused(call(nobody.admin, 'WhoAmI', {}, metadata),
        grpc.status.UNAUTHENTICATED);
    },
    async certificate__revoked__its_open_stream_ends() {
      const reader = connect('bocage-lecture');
      const stream = reader.registry.Watch({ kinds: ['KIND_ORGANISATION'],
        snapshot: true });
      const ended = refused(whole(stream), grpc.status.UNAUTHENTICATED);
      await new Promise((done) => stream.on('data',
        (m) => m.snapshot_done && done()));
      const certificate = new crypto.X509Certificate(fs.readFileSync(
        path.join(pki, 'account-bocage-lecture.pem')));
      await call(agency.admin, 'RevokeCertificate', { request_id: newId(),
        account_id: 'bocage-lecture', sha256: certificate.fingerprint256
          .replaceAll(':', '').toLowerCase() });
      await ended;
    },
    async verify__operator__refolds_the_whole_log() {
      const { revision } = await call(operator.admin, 'Status', {});
      const verified = await call(operator.admin, 'Verify', {});
      assert.strictEqual(verified.commits, revision);
      assert.match(verified.head_hash, /^[0-9a-f]{64}$/);
      await refused(put(operator, site('Refusé', 'node-operator')),
        grpc.status.PERMISSION_DENIED);
    },
    async health__no_credential__serving_and_watched() {
      const answer = await call(nobody.health, 'Check', {});
      assert.strictEqual(answer.status, 'SERVING');
      await refused(call(nobody.health, 'Check', { service: 'no.Such' }),
        grpc.status.NOT_FOUND);
      const [first] = await until(nobody.health.Watch({}), () => true);
      assert.strictEqual(first.status, 'SERVING');
    },
    async reflection__both_versions__list_the_same_services() {
      const lists = await Promise.all([agency.reflection,
        agency.reflectionAlpha].map(async (client) => {
        const stream = client.ServerReflectionInfo();
        stream.write({ list_services: '' });
        stream.end();
        const [m] = await whole(stream);
        return m.list_services_response.service.map((s) => s.name).sort();
      }));
      assert.deepStrictEqual(lists[0], lists[1]);
      const served = new Set(methods().map((m) => m.split('/')[1]));
      assert.deepStrictEqual(lists[0], [...served].sort());
    },
    async refusals__decoded__say_field_version_and_remedy() {
      const bad = details(await refused(put(member, site('Antenne D',
        'node-d', { siret: '12345678901234', courriel: 'rien' })),
        grpc.status.INVALID_ARGUMENT)).BadRequest.field_violations;
      assert.deepStrictEqual(bad.map((v) => v.field.split('.').pop()).sort(),
        ['courriel', 'siret']);
      assert.ok(bad.every((v) => v.description && v.reason));
      await put(member, site('Antenne E', 'node-e'));
      const moved = details(await refused(put(member, site('Antenne F',
        'node-e'), { if_version: 9, check_version: true }),
        grpc.status.ABORTED)).ErrorInfo;
      assert.strictEqual(moved.domain, 'resopro');
      assert.ok(Object.values(moved.metadata).includes('1'), moved);
    },
    async message__of_4_mib__taken_whole_and_one_byte_more_refused() {
      const end = { end: { records: 900 } };
      const fits = await send(member, start(),
        batch(member, LIMIT, 'fits'), end);
      assert.strictEqual(result(fits).created, 900);
      const error = await refused(send(member, start(),
        batch(member, LIMIT + 1, 'beyond'), end),
        grpc.status.RESOURCE_EXHAUSTED);
      assert.ok(details(error).ErrorInfo);
      await call(member.admin, 'WhoAmI', {});
    },
    // A page of a thousand records of 4 KiB would be more than a stock
    // client takes: the page is cut there, and nothing is lost.
    async answer__large_records__pages_fit_a_stock_client() {
      const stock = connect('bocage', { 'grpc.max_receive_message_length':
        LIMIT });
      const ask = { kind: 'KIND_SITE', page_size: 1000, owner: MEMBER };
      let n = 0, pages = 0;
      do {
        const page = await call(stock.registry, 'List', ask);
        n += page.records.filter((r) => r.source_id.startsWith('fits'))
          .length;
        pages++;
        ask.page_token = page.next_page_token;
      } while (ask.page_token);
      assert.strictEqual(n, 900);
      assert.ok(pages > 1, 'one page');
      const seen = await until(stock.registry.Watch({ owner: MEMBER,
        kinds: ['KIND_SITE'], snapshot: true }), (m) => m.snapshot_done);
      assert.ok(seen.flatMap((m) => m.events).length > 900);
    },
    async gzip__4_mib_that_packs_small__unpacked_and_still_limited() {
      const packed = connect('bocage',
        { 'grpc.default_compression_algorithm': 2 });
      const end = { end: { records: 900 } };
      const fits = await send(packed, start({ dry_run: true }),
        batch(packed, LIMIT, 'packed'), end);
      assert.strictEqual(result(fits).created, 900);
      await refused(send(packed, start({ dry_run: true }),
        batch(packed, LIMIT + 1, 'packed'), end),
        grpc.status.RESOURCE_EXHAUSTED);
    },
    async sync__cut_or_miscounted__changes_nothing() {
      const { revision } = await call(member.admin, 'WhoAmI', {});
      const cut = member.registry.Sync();
      const ended = refused(whole(cut), grpc.status.CANCELLED);
      cut.write(start());
      await new Promise((done) => cut.write(batch(member, 1 << 20, 'cut'),
        done));
      cut.cancel();
      await ended;
      await refused(send(member, start(), batch(member, 1 << 20, 'cut'),
        { end: { records: 899 } }), grpc.status.INVALID_ARGUMENT);
      assert.strictEqual((await call(member.admin, 'WhoAmI', {})).revision,
        revision);
    },
    async watch__100_streams_of_one_channel__each_sees_one_change() {
      await watchesBecome(0);
      await put(member, site('Cible', 'node-target'));
      let ready = 0;
      let all;
      const opened = new Promise((done) => { all = done; });
      const seen = Array.from({ length: 100 }, () =>
        until(member.registry.Watch({ names: [name('node-target')],
          kinds: ['KIND_SITE'], snapshot: true }), (m) => {
          if (m.snapshot_done && ++ready === 100)
            all();
          return m.events.some((e) => e.record.version === 2);
        }));
      await Promise.race([opened, Promise.all(seen)]);
      await watchesBecome(100);
      await put(member, site('Cible atteinte', 'node-target'));
      await Promise.all(seen);
      await watchesBecome(0);
    },
    async watch__client_gone_or_late__the_daemon_frees_it() {
      await watchesBecome(0);
      const late = refused(whole(member.registry.Watch({ snapshot: true,
        kinds: ['KIND_OFFER'] }, { deadline: Date.now() + 3000 })),
        grpc.status.DEADLINE_EXCEEDED);
      await watchesBecome(1);
      await late;
      await watchesBecome(0);
      const stream = member.registry.Watch({ kinds: ['KIND_OFFER'] });
      const cut = refused(whole(stream), grpc.status.CANCELLED);
      await watchesBecome(1);
      stream.cancel();
      await cut;
      await watchesBecome(0);
    },
    async watch__from_beyond_the_head__refused_by_name() {
      const error = await refused(whole(member.registry.Watch(
        { from_revision: 1 << 30 })), grpc.status.OUT_OF_RANGE);
      assert.strictEqual(details(error).ErrorInfo.reason, 'FUTURE_REVISION');
    },
    async calls__no_credential__refused_for_every_method_but_health() {
      const closed = methods().filter((m) =>
        !m.startsWith('/grpc.health.v1.Health/'));
      assert.ok(closed.length > 20);
      await Promise.all(closed.map((method) => refused(
        new Promise((done, fail) => nobody.health.makeUnaryRequest(method,
          (b) => b, (b) => b, Buffer.alloc(0), (error, answer) =>
            error ? fail(error) : done(answer))),
        grpc.status.UNAUTHENTICATED)));
    },
    // Last: a method added without a test here fails it.
    async methods__all_of_all_services__were_answered() {
      assert.deepStrictEqual(methods().filter((m) => !answered.has(m)), []);
    },
  };
};
