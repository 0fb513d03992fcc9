/** Whether a figure rises: a straight line through what was sampled. */

export interface Trend {
	/** How much it rises an hour, along the line. */
	readonly hourly: number;
	/** How much it has risen along the line, from the first sample to the last. */
	readonly rise: number;
	readonly mean: number;
	/** How much of the ups and downs the line explains, 0 to 1. */
	readonly fit: number;
	/** Seconds between the first sample and the last. */
	readonly over: number;
}

/** trend looks at the samples of the last seconds. With fewer than three there is none. */
export function trend(times: readonly number[], values: readonly (number | null)[], seconds: number): Trend | undefined {
	const end = times.at(-1) ?? 0;
	const known: { t: number; v: number }[] = [];
	for (let i = times.length - 1; i >= 0; i--) {
		const t = times[i] ?? 0;
		const v = values[i];
		if (t < end - seconds) break;
		if (v !== null && v !== undefined) known.push({ t: t - end, v });
	}
	const first = known.at(-1);
	const last = known[0];
	if (known.length < 3 || !first || !last || last.t <= first.t) return undefined;
	const meanT = sum(known, (k) => k.t) / known.length;
	const mean = sum(known, (k) => k.v) / known.length;
	const tt = sum(known, (k) => (k.t - meanT) ** 2);
	const tv = sum(known, (k) => (k.t - meanT) * (k.v - mean));
	const vv = sum(known, (k) => (k.v - mean) ** 2);
	const over = last.t - first.t;
	return { hourly: (tv / tt) * 3600, rise: (tv / tt) * over, mean, fit: vv > 0 ? tv ** 2 / (tt * vv) : 0, over };
}

/** climbs says whether that is a climb that somebody should look at, and not the ups and downs of work. */
export function climbs(t: Trend, least: number): boolean {
	return t.over >= 600 && t.fit >= 0.7 && t.rise >= Math.max(least, t.mean * 0.1);
}

function sum<T>(of: readonly T[], what: (one: T) => number): number {
	return of.reduce((all, one) => all + what(one), 0);
}
