package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// picture is the chart of all curves.
func picture(curves []curve, uploads int) chart {
	c := chart{
		title: fmt.Sprintf("Memory while %s files of 1.4 MB are uploaded", thousands(float64(uploads))),
		subtitle: fmt.Sprintf("The seed: the service that Plateau takes the place of. "+
			"Dashed: the seed, mended in part. %d clients, %d of them slow.", curveFast+curveSlow, curveSlow),
		across: "uploads finished", up: "resident memory, MB",
	}
	for _, drawn := range curves {
		l := line{name: drawn.name, note: fmt.Sprintf("%.0f MB", drawn.end/megabyte), x: drawn.done, look: drawn.look}
		if drawn.peak > 1.2*drawn.end { // its end says little
			l.note += fmt.Sprintf(" (peak %.0f)", drawn.peak/megabyte)
		}
		for _, resident := range drawn.resident {
			l.y = append(l.y, resident/megabyte)
		}
		c.lines = append(c.lines, l)
	}
	return c
}

// memoryTable is Markdown.
func memoryTable(curves []curve) string {
	lines := [][]string{{
		"", "server", "peak, MB", "at the end, MB", "clients gone, MB", "for 1,000 uploads, MB", "goroutines left", "files left open",
		"p50, ms", "p99, ms", "CPU, s/GB",
	}}
	for _, c := range curves {
		lines = append(lines, []string{
			c.key, c.name, fmt.Sprintf("%.1f", c.peak/megabyte), fmt.Sprintf("%.1f", c.end/megabyte), fmt.Sprintf("%.1f", c.left/megabyte),
			fmt.Sprintf("%+.2f", c.slope()/kilobyte), thousands(c.goroutines), thousands(c.files),
			fmt.Sprintf("%.1f", quantile(c.delays, .5)*1e3), fmt.Sprintf("%.1f", quantile(c.delays, .99)*1e3), fmt.Sprintf("%.2f", c.cpu),
		})
	}
	return markdown(lines)
}

// memoryPage is MEMORY.md. The picture's file is named if it was drawn.
func memoryPage(c *comparison, curves []curve, checked []verdict, pictureFile string, at time.Time) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# Memory: the seed, Plateau, tusd\n\nWritten by `go run . -seed` on %s. Do not edit.\n\n%s.\n",
		at.UTC().Format(time.DateOnly), machine(c.work))
	if c.short {
		s.WriteString("\n**A short run: it shows that everything works. Its figures mean little.**\n")
	}
	if pictureFile != "" {
		fmt.Fprintf(&s, "\n![Resident memory by uploads finished](%s)\n", filepath.Base(pictureFile))
	}
	s.WriteString("\n" + memoryTable(curves) + "\n" + c.explanation(curves))
	if len(checked) > 0 {
		s.WriteString("\n## Claims\n\n" + verdicts(checked))
	}
	return s.String()
}

func (c *comparison) explanation(curves []curve) string {
	var s strings.Builder
	for _, drawn := range curves {
		fmt.Fprintf(&s, "- **%s**, %s: %s. `%s`%s\n", drawn.key, drawn.name, drawn.about, drawn.flags(), drawn.cut())
	}
	fmt.Fprintf(&s, `
"The seed" is the service that Plateau takes the place of, rebuilt with its two mistakes (seed/main.go). They differ: a form in
memory makes memory *high*, by what is open at once, and net/http takes it away again; a Kafka writer that is never closed makes it
*climb*, with every upload, for ever.

Each server gets the same load, one after the other, each as a process of its own on a fresh folder, with a Kafka broker (kfake) in
another process, fresh too: %s uploads of %.1f MB. %d clients send one after the other as fast as they can, %d a second in all as long
as the server keeps up; %d more always have an upload under way, at 200 KB/s. All keep their connection. KB, MB and GB are powers of
1,000.

- Memory is resident memory (VmRSS), read at the start and %d times at equal numbers of uploads; the peak is the kernel's own (VmHWM).
  "Clients gone": when all connections are closed and memory has not moved for 3 s, or after 20 s. What is left open is counted then.
- "For 1,000 uploads" is the straight line that fits the last two thirds of the samples best.
- p50, p99: from the first byte that a fast client sends to the answer. Plateau's answer comes when data, record and event are on
  stable storage (--durability finish), and the seed's when Kafka has the event, which waits 10 ms for others; the seed and tusd sync
  nothing to the disk. All share the machine with the load.
- CPU: user and system time of the server by the bytes of finished uploads.
- Every answer is checked, each upload's file has its size, one in %d is compared. Then the file is emptied from outside, for every
  server alike; none is deleted. After the load Kafka must have an event for each upload.
`,
		thousands(float64(c.uploads)), curveSize/megabyte, curveFast, curveRate, curveSlow, curvePoints, comparedEvery)
	return s.String() + tenPercent(curves)
}

// flags are how the server was started, less what differs from run to run.
func (c curve) flags() string {
	s := c.server
	if c.events {
		s = s.sending("127.0.0.1:KAFKA", eventsTopic)
	}
	program, _, _ := strings.Cut(s.name, " ")
	return strings.Join(append([]string{program}, s.args("127.0.0.1:PORT", "127.0.0.1:ADMIN", "FOLDER")...), " ")
}

// cut says why a server got fewer uploads than the others.
func (c curve) cut() string {
	if c.limit == 0 {
		return ""
	}
	return fmt.Sprintf(" It was stopped after %s uploads: each leaves %d files open, and only %s may be open (ulimit -Hn).",
		thousands(float64(c.uploads)), c.leaves, thousands(float64(c.limit)))
}

// tenPercent compares how long uploads take with forms in memory and in files: the seed's owner saw 10 % more.
func tenPercent(curves []curve) string {
	at := map[string]float64{}
	for _, c := range curves {
		at[c.key] = quantile(c.delays, .5) * 1e3
	}
	if at["a"] == 0 || at["d"] == 0 {
		return ""
	}
	return fmt.Sprintf("- The seed's owner turned -max-memory from 32 MB to 0 in production, and saw uploads take 10 %% longer. "+
		"Here\n  the median went from %.1f to %.1f ms: %+.0f %%.\n",
		at["a"], at["d"], (at["d"]/at["a"]-1)*100)
}
