package main

import (
	"path/filepath"
)

// subject is a server whose memory is drawn, with what is asked of it.
type subject struct {
	key    string
	name   string
	about  string // what it does with an upload
	server server
	method func(addr string, content []byte) method
	events bool // it sends them to Kafka
	// leaves is how many files each upload leaves open for ever: a writer has two connections.
	leaves int
	look   look
}

// seedServer is the baseline, with the flags that mend it.
func seedServer(binary string, mends ...string) server {
	return server{
		name: "seed", binary: binary, uploads: "uploads", metricsOnUploads: true, ready: "GET /metrics",
		args: func(addr, _, folder string) []string {
			return append([]string{"-listen", addr, "-folder", filepath.Join(folder, "uploads")}, mends...)
		},
	}
}

// subjects in the order they run in. The colours can be told apart by the colour-blind (Okabe and Ito's); what is only a part of
// the way is dashed.
func subjects(seed, plateau, tusdBinary string) []subject {
	const vermilion, orange, purple, brown, blue, sky, grey = "#d55e00", "#e69f00", "#b4568c", "#7f5539", "#0072b2", "#3ba3dc", "#59636e"
	finish := plateauServer(plateauFsync, plateau, "finish")
	return []subject{
		{
			"a", "the seed", "form in memory, a Kafka writer for each upload",
			seedServer(seed), byForm, true, 2,
			look{vermilion, 3, false},
		},
		{
			"b", "seed, form streamed", "a Kafka writer for each upload",
			seedServer(seed, "-stream"), byForm, true, 2,
			look{orange, 2, true},
		},
		{
			"c", "seed, one writer", "form in memory",
			seedServer(seed, "-one-writer"), byForm, true, 0,
			look{purple, 2, true},
		},
		{
			"d", "seed, form in files", "form in temporary files, a Kafka writer for each upload",
			seedServer(seed, "-max-memory", "0"), byForm, true, 2,
			look{brown, 2, true},
		},
		{"e", "Plateau, form", "POST /upload", finish, byForm, true, 0, look{sky, 3, false}},
		{"f", "Plateau, tus", "creation with upload", finish, byTus, true, 0, look{blue, 3, false}},
		{"g", "tusd", "creation with upload, no events; what it has left goes 10 s after each request", tusdServer(tusdBinary), byTus, false, 0, look{grey, 2, false}},
	}
}
