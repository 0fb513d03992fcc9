/** The operator's page: puts the parts together, and draws at most once for each frame that the browser shows. */

import 'uplot/dist/uPlot.min.css';
import './page.css';
import './plots.css';
import './uploads.css';
import { cards } from './cards';
import { Columns, type Row } from './columns';
import type { ServerEvent } from './events';
import { clock } from './figures';
import { Plot } from './plot';
import { type History, listen, type State } from './stream';
import { Table } from './table';
import type { List } from './uploads';
import { View } from './view';
import { type Level, merge, slope, type Warning, watch } from './watch';

/** What is found in the figures is looked at this often: it is worked out of half an hour of them. Milliseconds. */
const look = 15_000;

const page = byId('plots');
const view = new View();
const table = new Table(byId('uploads'));
let columns: Columns | undefined;
let plots: Plot[] = [];
let said: readonly Warning[] = [];
let found: readonly Warning[] = [];
let looked = 0;

function begin(history: History): boolean {
	const same = columns && columns.names.join() === history.series.join();
	if (!columns || !same) {
		const whole = columns === undefined;
		columns = new Columns(history.series, history.every_ms, history.keep_ms);
		for (const plot of plots) plot.end();
		plots = cards(history.series).map((card) => new Plot(card, view, moment));
		part(page, '.cards').replaceChildren(...plots.map((plot) => plot.root));
		looked = 0;
		if (!whole) return false; // another version of the server, of which more is wanted than what is new
	}
	add(history.rows);
	return true;
}

function add(rows: readonly Row[]): void {
	for (const row of rows) columns?.add(row);
	draw();
}

function hear(event: ServerEvent): void {
	switch (event.name) {
		case 'rows':
			add(JSON.parse(event.data) as Row[]);
			break;
		case 'uploads':
			table.show(JSON.parse(event.data) as List, columns?.newest ?? Date.now());
			break;
		case 'warnings':
			said = JSON.parse(event.data) as Warning[];
			warn();
			break;
	}
}

let planned = false;
function draw(): void {
	if (planned) return;
	planned = true;
	requestAnimationFrame(() => {
		planned = false;
		if (!columns) return;
		for (const plot of plots) plot.show(columns);
		const now = Date.now();
		if (now - looked < look) return;
		looked = now;
		found = watch(columns);
		plots[0]?.say(slope(columns));
		warn();
	});
}

const names: Record<Level, string> = { alarm: 'Now', warning: 'Soon', notice: 'Note' };
/** warn writes the warnings. One that stays is left alone: they are read aloud. */
function warn(): void {
	const all = merge(said, found);
	const urgent = all.filter((one) => one.level !== 'notice').length;
	document.title = `${urgent > 0 ? `(${urgent}) ` : ''}${title}`;
	byId('warnings').classList.toggle('some', all.length > 0);
	const list = part(byId('warnings'), 'ul');
	const there = [...list.children];
	const items = (all.length > 0 ? all.map(({ level, text }) => item(level, text, names[level] ?? level)) : [item('none', 'Nothing.')]).map(
		(made) => there.find((old) => old.isEqualNode(made)) ?? made,
	);
	for (const old of there) if (!items.includes(old)) old.remove();
	items.forEach((li, i) => {
		const at = list.children[i] ?? null;
		if (at !== li) list.insertBefore(li, at);
	});
}

function item(kind: string, text: string, name?: string): Element {
	const li = document.createElement('li');
	li.className = kind;
	if (name) {
		const strong = document.createElement('strong');
		strong.textContent = name;
		li.append(strong);
	}
	const words = document.createElement('span');
	words.textContent = text;
	li.append(words);
	return li;
}

function moment(at: number | undefined): void {
	part(page, '.moment').textContent = at === undefined ? '' : `at ${clock(at, true)}`;
}

function tell(state: State): void {
	const line = byId('state');
	const text = words(state);
	if (line.textContent !== text) line.textContent = text;
	line.dataset.state = state.is;
}

function words(state: State): string {
	switch (state.is) {
		case 'live':
			return 'Live';
		case 'connecting':
			return 'Connecting …';
		case 'asleep':
			return 'Asleep while nobody looks';
		case 'waiting':
			return `${state.why} Trying again …`;
	}
}

const title = document.title;
for (const radio of page.querySelectorAll<HTMLInputElement>('input[name="span"]')) {
	radio.addEventListener('click', () => view.follow(Number(radio.value)));
	if (radio.checked) view.follow(Number(radio.value)); // a browser may remember another than the page's own
}
const live = part(page, '.live');
live.addEventListener('click', () => view.follow());
view.changed = () => {
	live.hidden = !view.stays;
	draw();
};
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
	for (const plot of plots) plot.redraw();
});

void listen({
	since: () => columns?.newest,
	begin,
	hear,
	state: tell,
});

function part(root: ParentNode, selector: string): HTMLElement {
	const element = root.querySelector<HTMLElement>(selector);
	if (!element) throw new Error(`index.html has no ${selector}`);
	return element;
}

function byId(id: string): HTMLElement {
	return part(document, `#${id}`);
}
