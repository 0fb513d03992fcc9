package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The picture in its own units. It has a ground of its own, and so it can be read on a light page and on a dark one.
const (
	pictureWidth, pictureHeight             = 1000.0, 540.0
	plotLeft, plotRight, plotTop, plotFloor = 68.0, 668.0, 96.0, 484.0
	labelHeight                             = 19.0 // between the names of two lines
)

// look is how a line is drawn.
type look struct {
	colour string
	width  float64
	dashed bool
}

// line is one of a chart's, with its name at its end.
type line struct {
	name, note string // the note follows the name, lighter
	x, y       []float64
	look       look
}

// chart is lines over axes that both begin at 0.
type chart struct {
	title, subtitle, across, up string
	lines                       []line
}

// svg draws the chart. The same chart gives the same bytes.
func (c chart) svg() string {
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%[1]g" height="%[2]g" role="img" `+
		`aria-labelledby="title about" font-family="-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif" font-size="13">
<title id="title">%s</title>
<desc id="about">%s</desc>
<rect x="0.5" y="0.5" width="%g" height="%g" rx="8" fill="#ffffff" stroke="#d1d9e0"/>
`, pictureWidth, pictureHeight, escape(c.title), escape(c.inWords()), pictureWidth-1, pictureHeight-1)
	text(&s, 24, 38, `font-size="20" font-weight="600" fill="#1f2328"`, c.title)
	text(&s, 24, 60, `fill="#59636e"`, c.subtitle)
	text(&s, 24, plotTop-12, `font-size="12" fill="#59636e"`, c.up)
	text(&s, (plotLeft+plotRight)/2, plotFloor+40, `font-size="12" fill="#59636e" text-anchor="middle"`, c.across)
	x, y := c.scales()
	for _, tick := range y.ticks() {
		at := plotFloor - y.part(tick)*(plotFloor-plotTop)
		fmt.Fprintf(&s, `<path d="M%g %.1fH%g" stroke="%s"/>`+"\n", plotLeft, at, plotRight, gridColour(tick))
		text(&s, plotLeft-8, at+4, `font-size="12" fill="#59636e" text-anchor="end"`, thousands(tick))
	}
	for _, tick := range x.ticks() {
		at := plotLeft + x.part(tick)*(plotRight-plotLeft)
		fmt.Fprintf(&s, `<path d="M%.1f %gv5" stroke="#818b98"/>`+"\n", at, plotFloor)
		text(&s, at, plotFloor+20, `font-size="12" fill="#59636e" text-anchor="middle"`, thousands(tick))
	}
	c.draw(&s, x, y)
	s.WriteString("</svg>\n")
	return s.String()
}

// draw adds the lines, the first on top, and their names, each as near to the end of its line as the others leave room.
func (c chart) draw(s *strings.Builder, x, y scale) {
	ends := make([]float64, len(c.lines))
	for i, l := range slices.Backward(c.lines) {
		var d strings.Builder
		for n := range l.x {
			across := plotLeft + x.part(l.x[n])*(plotRight-plotLeft)
			ends[i] = plotFloor - y.part(l.y[n])*(plotFloor-plotTop)
			fmt.Fprintf(&d, "%c%.1f %.1f", "ML"[min(n, 1)], across, ends[i])
			if n == len(l.x)-1 && across < plotRight-1 { // it ended early
				fmt.Fprintf(s, `<circle cx="%.1f" cy="%.1f" r="5" fill="%s"/>`+"\n", across, ends[i], l.look.colour)
			}
		}
		stroke(s, d.String(), l.look)
	}
	names := spreadOut(ends, labelHeight, plotTop, plotFloor)
	for i, l := range c.lines {
		fmt.Fprintf(s, `<path d="M%g %.1fL%g %.1f" fill="none" stroke="#c4ccd4"/>`+"\n", plotRight+3, ends[i], plotRight+20, names[i])
		stroke(s, fmt.Sprintf("M%g %.1fh24", plotRight+22, names[i]), l.look)
		fmt.Fprintf(s, `<text x="%g" y="%.1f" fill="#1f2328" font-weight="600">%s<tspan font-weight="400" fill="#59636e">  %s</tspan></text>`+"\n",
			plotRight+53, names[i]+4.5, escape(l.name), escape(l.note))
	}
}

func stroke(s *strings.Builder, d string, l look) {
	dashes := ""
	if l.dashed {
		dashes = ` stroke-dasharray="6 4"`
	}
	fmt.Fprintf(s, `<path d="%s" fill="none" stroke="%s" stroke-width="%g" stroke-linejoin="round"%s/>`+"\n", d, l.colour, l.width, dashes)
}

func text(s *strings.Builder, x, y float64, attributes, words string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" %s>%s</text>`+"\n", x, y, attributes, escape(words))
}

func escape(words string) string {
	var s strings.Builder
	_ = xml.EscapeText(&s, []byte(words)) // a Builder takes everything
	return s.String()
}

func gridColour(tick float64) string {
	if tick == 0 {
		return "#818b98"
	}
	return "#e6eaef"
}

// inWords is for those who can't see the picture.
func (c chart) inWords() string {
	var parts []string
	for _, l := range c.lines {
		parts = append(parts, l.name+" "+l.note)
	}
	return c.up + ". At the end: " + strings.Join(parts, "; ") + "."
}

// scales fit all lines.
func (c chart) scales() (x, y scale) {
	for _, l := range c.lines {
		x.most, y.most = max(x.most, slices.Max(l.x)), max(y.most, slices.Max(l.y))
	}
	y.most *= 1.02
	return x, y
}

// scale goes from 0 to most.
type scale struct{ most float64 }

func (s scale) part(v float64) float64 { return v / s.most }

// ticks are round numbers: multiples of 1, 2 or 5 times a power of ten.
func (s scale) ticks() []float64 {
	const atMost = 8
	step := math.Pow(10, math.Floor(math.Log10(s.most/atMost)))
	for i := 0; s.most/step > atMost; i++ {
		step *= []float64{2, 2.5, 2}[i%3]
	}
	var ticks []float64
	for n := 0.0; n*step <= s.most; n++ {
		ticks = append(ticks, n*step)
	}
	return ticks
}

// spreadOut moves places apart until they are at least gap from each other, and keeps their order. They stay between top and floor
// if there is room.
func spreadOut(places []float64, gap, top, floor float64) []float64 {
	order := make([]int, len(places))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(places[b], places[a]) })
	moved := slices.Clone(places)
	below := floor + gap
	for _, i := range order { // from the floor upwards
		moved[i] = min(moved[i], below-gap)
		below = moved[i]
	}
	above := top - gap
	for _, i := range slices.Backward(order) { // and down again what went over the top
		moved[i] = max(moved[i], above+gap)
		above = moved[i]
	}
	return moved
}

// thousands writes a number with commas.
func thousands(v float64) string {
	digits := strconv.FormatFloat(v, 'f', -1, 64)
	whole, rest, _ := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		rest = "." + rest
	}
	return whole + rest
}
