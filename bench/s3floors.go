package main

// floorsOnS3 are the goals on S3. A short run's figures say little: there only what doesn't depend on the clock is close to them, and
// the rest finds what is broken.
func floorsOnS3(short bool) []floor {
	or := func(goal, loose float64) float64 {
		if short {
			return loose
		}
		return goal
	}
	return []floor{
		{"j.cpu", plateauS3, true, true, or(0.5, 5), "CPU time a GB, ratio"},
		{"j.rate", plateauS3, true, false, or(1.3, 0.1), "throughput, ratio"},
		{"k.create", plateauS3, true, false, or(2, 0.1), "4 KiB creation-with-upload, ratio"},
		{"k.patch", plateauS3, true, false, or(1.8, 0.1), "4 KiB creation and PATCH, ratio"},
		{"k.medium", plateauS3, true, false, or(1.2, 0.1), "1.4 MB creation-with-upload, ratio"},
		{"l.create", plateauS3, false, true, or(2, 2.5), "calls of a 4 KiB creation-with-upload"},
		{"l.patch", plateauS3, false, true, or(3, 3.5), "calls of a 4 KiB creation and PATCH"},
		{"l.medium", plateauS3, false, true, or(2, 2.5), "calls of a 1.4 MB creation-with-upload"},
		{"l.large", plateauS3, false, true, or(10, 12), "calls of 40 MiB"},
		{"m.each", plateauS3, false, true, or(100, 2_000), "memory of a slow upload, KB"},
		{"m.temporary", plateauS3, false, true, float64(spoolBudget) / megabyte, "temporary bytes of slow uploads, MB"},
		{"n.rate", plateauS3, false, false, or(0.9, 0.1), "throughput beside ten clients that stand still, of that alone"},
	}
}
