/**
 * What was sampled, as columns: that is how the plots want it.
 *
 * Where samples are missing, because the server was down or this page slept, a row of nulls breaks the lines.
 */

/** Row is a sample as the server sends it: milliseconds since 1970, then the values. */
export type Row = readonly (number | null)[];

/** A clock that was set back this far makes everything start anew; the server does the same. */
const setBack = 60_000;

/** More samples than this are missing before it counts as a gap: a busy machine is late at times. */
const late = 3.5;

export class Columns {
	/** Seconds since 1970. */
	readonly times: number[] = [];
	readonly values: (number | null)[][];

	constructor(
		readonly names: readonly string[],
		private readonly every: number,
		private readonly keep: number,
	) {
		this.values = names.map(() => []);
	}

	/** newest is when the last sample was taken, in milliseconds since 1970. */
	get newest(): number | undefined {
		const last = this.times.at(-1);
		return last === undefined ? undefined : Math.round(last * 1000);
	}

	/** add takes a sample, unless it is there already. */
	add(row: Row): void {
		const [at, ...values] = row;
		if (at === null || at === undefined) return;
		const newest = this.newest;
		if (newest !== undefined) {
			if (at <= newest - setBack) this.drop(this.times.length);
			else if (at <= newest) return;
			else if (at - newest > late * this.every) this.push(newest + this.every, []);
		}
		this.push(at, values);
		const past = at - this.keep;
		// Not one at a time: to move whole columns each second is for nothing.
		if ((this.times[0] ?? 0) * 1000 < past - 60_000) this.drop(this.times.findIndex((time) => time * 1000 >= past));
	}

	column(name: string): readonly (number | null)[] {
		return this.values[this.names.indexOf(name)] ?? [];
	}

	/** last is the newest value of a series; null while that is unknown. */
	last(name: string): number | null {
		return this.column(name).at(-1) ?? null;
	}

	private push(at: number, values: Row): void {
		this.times.push(at / 1000);
		this.values.forEach((column, i) => column.push(values[i] ?? null));
	}

	private drop(n: number): void {
		this.times.splice(0, n);
		for (const column of this.values) column.splice(0, n);
	}
}
