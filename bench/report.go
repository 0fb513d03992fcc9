package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// row is a line of the table.
type row struct {
	key, scenario, figure, unit string
	digits                      int
}

func rows() []row {
	return []row{
		{"a.half", "a", "memory after the first half", "MB", 1},
		{"a.end", "a", "memory at the end", "MB", 1},
		{"a.rise", "a", "rise over the second half", "MB", 2},
		{"a.slope", "a", "the same, for 1,000 uploads", "KB", 1},
		{"b.each", "b", "memory of an open, idle upload", "KB", 1},
		{"b.stack", "b", "of which stacks", "KB", 1},
		{"c.cpu", "c", "server's CPU time", "s/GB", 2},
		{"c.rate", "c", "throughput", "GB/s", 2},
		{"d.16", "d", "16 connections", "uploads/s", 0},
		{"d.16.cpu", "d", "server's CPU time, 16 connections", "µs/upload", 0},
		{"d.64", "d", "64 connections", "uploads/s", 0},
		{"d.64.cpu", "d", "server's CPU time, 64 connections", "µs/upload", 0},
		{"e.16", "e", "16 connections", "uploads/s", 0},
		{"e.16.cpu", "e", "server's CPU time, 16 connections", "µs/upload", 0},
		{"f.p50", "f", "upload answered to event read, median", "ms", 1},
		{"f.p99", "f", "the same, 99 of 100 are quicker", "ms", 1},
		{"f.mean", "f", "finish to acknowledgement, mean", "ms", 1},
		{"f.full.p50", "f", "answered to read at full load, median", "ms", 1},
		{"f.full.p99", "f", "the same, 99 of 100 are quicker", "ms", 1},
		{"g.ready", "g", "start until ready", "ms", 0},
		{"g.rate", "g", "waiting events delivered", "events/s", 0},
		{"g.most", "g", "most memory meanwhile", "MB", 1},
		{"g.rise", "g", "rise over the second half", "MB", 2},
		{"h.rate", "h", "throughput while watched, of that without", "", 3},
		{"h.cpu", "h", "CPU time while watched, of that without", "", 3},
		{"i.cpu", "i", "CPU time of a form, of that by tus", "", 2},
		{"i.rate", "i", "throughput of a form, of that by tus", "", 2},
		{"o.rate", "o", "throughput with tokens, owners, quotas and limits, of that without", "", 3},
		{"o.cpu", "o", "CPU time of the same", "", 3},
		{"j.cpu", "j", "server's CPU time", "s/GB", 2},
		{"j.rate", "j", "throughput", "GB/s", 2},
		{"j.gateway", "j", "S3's CPU time", "s/GB", 2},
		{"k.create", "k", "4 KiB, creation-with-upload", "uploads/s", 0},
		{"k.create.cpu", "k", "server's CPU time", "µs/upload", 0},
		{"k.create.gateway", "k", "S3's CPU time", "µs/upload", 0},
		{"k.patch", "k", "4 KiB, creation and PATCH", "uploads/s", 0},
		{"k.patch.cpu", "k", "server's CPU time", "µs/upload", 0},
		{"k.patch.gateway", "k", "S3's CPU time", "µs/upload", 0},
		{"k.medium", "k", "1.4 MB, creation-with-upload", "uploads/s", 0},
		{"k.medium.cpu", "k", "server's CPU time", "µs/upload", 0},
		{"k.medium.gateway", "k", "S3's CPU time", "µs/upload", 0},
		{"l.create", "l", "4 KiB, creation-with-upload", "calls", 2},
		{"l.patch", "l", "4 KiB, creation and PATCH", "calls", 2},
		{"l.medium", "l", "1.4 MB, creation-with-upload", "calls", 2},
		{"l.medium.patch", "l", "1.4 MB, creation and PATCH", "calls", 2},
		{"l.pieces", "l", "1.4 MB, creation and six PATCHes", "calls", 2},
		{"l.large", "l", "40 MiB, creation and PATCH", "calls", 2},
		{"l.gigabyte", "l", "1 GiB, creation and PATCH", "calls", 2},
		{"l.busy", "l", "4 KiB, creation-with-upload, 16 connections", "calls", 2},
		{"l.busy.events", "l", "and for its event", "calls", 2},
		{"m.each", "m", "memory of a slow upload", "KB", 1},
		{"m.temporary", "m", "temporary bytes, at most", "MB", 1},
		{"n.rate", "n", "throughput beside ten that stand still, of that alone", "", 3},
	}
}

func (r row) format(value float64) string { return fmt.Sprintf("%.*f", r.digits, value) }

// cell shows the median and the spread, "–" for a server that the figure was not taken from.
func (r row) cell(values []float64) string {
	switch len(values) {
	case 0:
		return "–"
	case 1:
		return r.format(values[0])
	}
	return fmt.Sprintf("%s (%s – %s)", r.format(median(values)), r.format(slices.Min(values)), r.format(slices.Max(values)))
}

// ratioCell shows how many times the other's figure ours is. Of slopes, which may be 0 or less, it says nothing.
func (r row) ratioCell(ours, theirs []float64) string {
	if len(ours) == 0 || len(theirs) == 0 || r.key == "a.rise" || r.key == "a.slope" {
		return "–"
	}
	ratio := median(ratios(ours, theirs))
	if math.IsInf(ratio, 0) { // theirs is 0
		return "–"
	}
	return fmt.Sprintf("%.2f", ratio)
}

// columns are those of a table: servers, and which of them stand over the peer.
type columns struct {
	servers []string
	ratios  map[string]string // server → head of the column
}

func onDisk() columns {
	return columns{[]string{tusd, plateauNone, plateauFsync}, map[string]string{plateauNone: "none ÷ tusd", plateauFsync: "finish ÷ tusd"}}
}

func onS3() columns {
	return columns{[]string{tusdS3, plateauS3}, map[string]string{plateauS3: "plateau ÷ tusd"}}
}

// table is Markdown that also reads well as it is. It is empty if there are no figures of these servers.
func table(all results, c columns) string {
	head := append([]string{"", "figure", "unit"}, c.servers...)
	for _, s := range c.servers {
		if ratio, ok := c.ratios[s]; ok {
			head = append(head, ratio)
		}
	}
	lines := [][]string{head}
	for _, r := range rows() {
		of := all[r.key]
		if !slices.ContainsFunc(c.servers, func(s string) bool { return len(of[s]) > 0 }) {
			continue
		}
		line := []string{r.scenario, r.figure, r.unit}
		for _, s := range c.servers {
			line = append(line, r.cell(of[s]))
		}
		for _, s := range c.servers {
			if _, ok := c.ratios[s]; ok {
				line = append(line, r.ratioCell(of[s], of[peerOf(s)]))
			}
		}
		lines = append(lines, line)
	}
	if len(lines) == 1 {
		return ""
	}
	return markdown(lines)
}

// markdown lines the columns up. The first line is the head.
func markdown(lines [][]string) string {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for n, line := range lines {
		for i, cell := range line {
			fmt.Fprintf(&b, "| %-*s ", widths[i], cell) // %-*s counts runes
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, width := range widths {
				b.WriteString("|" + strings.Repeat("-", width+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// page is RESULTS.md.
func page(b *bench, all results, checked []verdict, at time.Time) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# Plateau beside tusd v2.10.1\n\nWritten by `make bench` on %s. Do not edit.\n\n", at.UTC().Format(time.DateOnly))
	fmt.Fprintf(&s, "%s. %d rounds; both servers on the same machine as the load.\n", machine(b.work), b.rounds)
	if b.short {
		s.WriteString("\n**A short run: it shows that everything works. Its figures mean nothing.**\n")
	}
	if disk := table(all, onDisk()); disk != "" {
		s.WriteString("\n" + disk + "\n" + explanation(b))
	}
	if s3 := table(all, onS3()); s3 != "" {
		s.WriteString("\n## On S3\n\n" + s3 + "\n" + explanationOnS3(b))
	}
	if len(checked) > 0 {
		s.WriteString("\n## Floors\n\n" + verdicts(checked))
	}
	return s.String()
}

func explanation(b *bench) string {
	return fmt.Sprintf(`Each cell is the median of the rounds (smallest – largest). A ratio is the median of the ratios within each round: absolute
figures move from day to day, ratios hardly. KB, MB and GB are powers of 1,000.

- **a**: resident memory, sampled %d times during %d uploads of 4 KiB, each a creation and a PATCH, over 16 connections. The rise is
  that of the straight line that fits the samples of the second half.
- **b**: %d uploads of 8 MiB over as many HTTP/1.1 connections with a browser's headers; each has sent exactly 1 MiB, which is in
  its file, and waits. Resident memory, settled, less that of the fresh server, for each upload; growth of the Go runtime's stacks in use.
- **c**: one upload of %d MiB in one PATCH; user and system time of the server, and bytes by the time from the first byte to the answer.
- **d**: 4 KiB creation-with-upload, %d for each point. **e**: 4 KiB, a creation and a PATCH.
- **f**: %d uploads as in d over 16 connections, 1,000 a second in all, with their events sent to Apache Kafka on the same machine: from the
  last byte of the answer to the moment at which a reader there has the event, once half as many have warmed up Java; then at full load,
  when every connection's next upload begins at once. The mean is the server's own (plateau_event_delivery_seconds).
- **g**: the server starts over %d finished uploads whose events wait: until /readyz answers 200, and until all are in Kafka; resident
  memory, sampled ten times a second.
- **h**: loads of %d uploads as in d over 16 connections, with the operator's page opened and a scrape of /metrics in every 5 seconds or less, and
  without, in turn, over the same process: %d pairs. CPU time is for the same number of uploads.
- **o**: loads of %d uploads as in d over 16 connections, in turn to a process with --auth none and to one of the same program that checks a JWT of
  each request, its owner, quotas, limits and the name's ending: %d pairs. No limit is reached; traces are off in both.
- **i**: one upload of %d MiB by creation-with-upload and as a file of an HTML form, in turn, over the same process: 4 pairs.

How it was made comparable: both are built from source with the same Go, run as processes of their own with the same environment
(GOMAXPROCS=%d), one at a time, in turn, the order reversed every second round, each run on a fresh folder after a sync of the disk; a run that ext4 spoils
(see place.go) is made again. Every answer's status and Upload-Offset are checked, and after each run the number, the sizes and a sample of the contents of the files.

- tusd: %s
- Plateau: %s with --durability none and finish

"none" and tusd never fsync; "finish" has data, record, name and event on stable storage before the last answer, which tusd does not offer.
tusd has no way to silence its line for each upload that is created or finished; it writes them to /dev/null. Plateau's line for each request is off.
The load generator used at most %.0f %% of the machine's processor time in the runs that were timed (c, d, e, h, i, j, k, o).
`,
		samples, b.scale(40_000, 2_000), b.scale(5_000, 200), b.scale(2048, 128), b.scale(20_000, 1_000), b.scale(20_000, 500), b.scale(1_000_000, 20_000),
		b.scale(watchedUploads, 500), watchedPairs, b.scale(guardedUploads, 500), guardedPairs, b.scale(1024, 64),
		gomaxprocs(), commandLine(tusdServer("tusd")), commandLine(plateauServer(plateauNone, "plateau", "…")), b.clientShare*100)
}
