package main

import "math"

const (
	// climbing is what a writer for each upload costs at least, in MB for 1,000 uploads: 55 where this was written.
	climbing = 30
	// flat is what a server that keeps nothing may still take in while it warms up, in MB for 1,000 uploads, if there are many.
	flat, many = 1.0, 8_000
	// enough uploads for the climb of the seed to be seen through the coming and going of its forms.
	enough = 2_000
)

// claims are what the picture must show: the seed climbs, and so it does with its forms mended; Plateau doesn't.
func claims(uploads int) []floor {
	const slope, goroutines, peak = "memory for 1,000 uploads, MB", "goroutines left for each upload", "peak of memory, MB"
	most := flat
	if uploads < many { // the same rise, and more of it in what is measured
		most = math.Ceil(1.5 * flat * many / float64(uploads))
	}
	all := []floor{
		{"slope", "seed, form streamed", false, false, climbing, slope},
		{"slope", "seed, form in files", false, false, climbing, slope},
		{"goroutines", "the seed", false, false, 3.5, goroutines},
		{"goroutines", "seed, form streamed", false, false, 3.5, goroutines},
		{"goroutines", "seed, form in files", false, false, 3.5, goroutines},
		{"goroutines", "seed, one writer", false, true, 0.5, goroutines},
	}
	if uploads >= enough {
		all = append(all, floor{"slope", "the seed", false, false, climbing, slope})
	}
	for _, name := range []string{"Plateau, form", "Plateau, tus"} {
		all = append(all,
			floor{"slope", name, false, true, most, slope},
			floor{"peak", name, false, true, 64, peak},
			floor{"goroutines", name, false, true, 0.5, goroutines})
	}
	return all
}

// claimed are the figures that claims are about.
func claimed(curves []curve) results {
	all := results{}
	for _, c := range curves {
		all.add(c.name, figures{
			"slope": c.slope() / kilobyte, "peak": c.peak / megabyte, "goroutines": c.goroutines / float64(c.uploads),
		})
	}
	return all
}
