/** One plot: a card with the values in words, and the lines beneath. */

import uPlot from 'uplot';
import type { Card } from './cards';
import type { Columns } from './columns';
import { clock, figure, span, steps } from './figures';
import type { Shown, View } from './view';

/** Lines differ in dashes as well as in colour. */
const dashes = [[], [8, 3], [2, 3], [8, 3, 2, 3]];
/** How often what a screen reader says of a plot is written anew. Milliseconds. */
const breath = 10_000;

export class Plot {
	readonly root = document.createElement('figure');
	private readonly lines: { readonly series: string; readonly label: string; readonly mark: HTMLElement; readonly value: HTMLElement }[];
	private readonly frame = document.createElement('div');
	private readonly note = document.createElement('p');
	private readonly plot: uPlot;
	private readonly observer = new ResizeObserver(() => this.resize());
	private columns: Columns | undefined;
	private told = 0;
	private drawn: Shown | undefined;

	constructor(
		private readonly card: Card,
		private readonly view: View,
		/** moment is told where the pointer is, in seconds since 1970, or that it is nowhere. */
		moment: (at: number | undefined) => void,
	) {
		const head = document.createElement('figcaption');
		const title = document.createElement('h3');
		title.textContent = card.title;
		const list = document.createElement('dl');
		this.lines = card.lines.map((line, i) => {
			const mark = document.createElement('dt');
			const value = document.createElement('dd');
			mark.className = `line-${i + 1}`;
			if (card.lines.length > 1) mark.append(swatch(dashes[i] ?? []));
			else mark.classList.add('alone');
			mark.append(line.label);
			const pair = document.createElement('div');
			pair.append(mark, value);
			list.append(pair);
			return { ...line, mark, value };
		});
		head.append(title, list);
		this.frame.className = 'frame';
		this.frame.setAttribute('role', 'img');
		this.note.className = 'note';
		this.note.textContent = card.note ?? '';
		this.root.append(head, this.frame, this.note);
		this.plot = new uPlot(this.options(moment), [[]], this.frame);
		this.observer.observe(this.frame);
	}

	/** show takes the columns; they may have grown since. */
	show(columns: Columns): void {
		this.columns = columns;
		if (this.view.moved(this.drawn, columns, this.plot.width)) {
			this.drawn = this.view.shown(columns);
			this.plot.setData([columns.times, ...this.lines.map((line) => columns.column(line.series))] as uPlot.AlignedData);
		}
		this.write();
		if (Date.now() - this.told < breath) return;
		this.told = Date.now();
		this.frame.setAttribute('aria-label', this.words(columns));
	}

	/** say writes a sentence of the moment before the note. */
	say(sentence: string): void {
		const text = [sentence, this.card.note ?? ''].filter((part) => part !== '').join(' ');
		if (this.note.textContent !== text) this.note.textContent = text;
	}

	/** redraw is for new colours. */
	redraw(): void {
		this.plot.redraw();
	}

	/** end lets go of what the plot holds on to. */
	end(): void {
		this.observer.disconnect();
		this.plot.destroy();
	}

	private range(): [number, number] {
		const { from, to } = this.view.shown(this.columns ?? { times: [] });
		return [from, to];
	}

	private resize(): void {
		const { clientWidth: width, clientHeight: height } = this.frame;
		if (width > 0 && height > 0) this.plot.setSize({ width, height });
	}

	/** write puts the values beside the names: those under the pointer, else the newest. */
	private write(): void {
		const at = this.plot.cursor.idx ?? undefined;
		for (const line of this.lines) {
			const column = this.columns?.column(line.series) ?? [];
			const text = figure(at === undefined ? column.at(-1) : column[at], this.card.unit);
			if (line.value.textContent !== text) line.value.textContent = text;
		}
	}

	private words(columns: Columns): string {
		const { from, to } = this.view.shown(columns);
		const told = this.lines.map((line) => {
			const shown = columns.column(line.series).filter((v, i): v is number => v !== null && (columns.times[i] ?? 0) >= from && (columns.times[i] ?? 0) <= to);
			if (shown.length === 0) return `${line.label}: unknown`;
			const [least, most] = shown.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
			return `${line.label}: ${figure(shown.at(-1), this.card.unit)}, between ${figure(least, this.card.unit)} and ${figure(most, this.card.unit)}`;
		});
		return `${this.card.title}, ${span(to - from)}. ${told.join('. ')}.`;
	}

	private options(moment: (at: number | undefined) => void): uPlot.Options {
		const color = (name: string) => () => getComputedStyle(this.root).getPropertyValue(name);
		const axis = { stroke: color('--plot-text'), grid: { stroke: color('--plot-grid'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
		const unit = this.card.unit;
		return {
			width: 300,
			height: 150,
			legend: { show: false },
			padding: [8, 8, 0, 0],
			cursor: {
				sync: { key: 'time' },
				points: { size: 6 },
				y: false,
				drag: { x: true, y: false, setScale: false },
			},
			scales: {
				x: { time: true, range: () => this.range() },
				y: { range: (_, __, most) => [0, top(most, unit)] },
			},
			axes: [
				{ ...axis, size: 28, space: 70, values: (_, splits, __, ___, step) => splits.map((at) => clock(at, step < 60)) },
				{ ...axis, size: 64, space: 32, incrs: steps(unit), values: (_, splits) => splits.map((value) => (value === 0 ? '0' : figure(value, unit))) },
			],
			series: [
				{},
				...this.lines.map((line, i) => ({
					label: line.label,
					stroke: () => getComputedStyle(line.mark).color,
					width: i === 0 ? 2 : 1.5,
					dash: dashes[i] ?? [],
					points: { show: false },
				})),
			],
			hooks: {
				setCursor: [
					(plot) => {
						this.write();
						if (plot.cursor.event) moment(plot.cursor.idx === null || plot.cursor.idx === undefined ? undefined : this.columns?.times[plot.cursor.idx]);
					},
				],
				setSelect: [
					(plot) => {
						const { left, width } = plot.select;
						if (width > 0) this.view.pick(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
						plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
					},
				],
			},
		};
	}
}

/** top is where a plot's axis ends: a little above the highest value, and not so low that noise looks like mountains. */
export function top(most: number | null, unit: Card['unit']): number {
	const least = { bytes: 8 << 20, rate: 64 << 10, seconds: 0.01, count: 5 }[unit];
	return Math.max(least, (most ?? 0) * 1.1);
}

/** swatch is a piece of a line, as it looks in the plot. */
function swatch(dash: readonly number[]): SVGElement {
	const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
	svg.setAttribute('width', '24');
	svg.setAttribute('height', '8');
	svg.setAttribute('aria-hidden', 'true');
	const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
	for (const [name, value] of Object.entries({ x1: 0, x2: 24, y1: 4, y2: 4, 'stroke-width': 2.5, 'stroke-dasharray': dash.join(' ') || 'none' })) line.setAttribute(name, String(value));
	svg.append(line);
	return svg;
}
