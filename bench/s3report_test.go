package main

import (
	"strings"
	"testing"
	"time"
)

func TestPageShowsWhatRanOnS3(t *testing.T) {
	b := &bench{work: t.TempDir(), rounds: 1, spelled: map[string]string{
		"l.create " + tusdS3: "1 CreateMultipartUpload, 2 PutObject", "l.create " + plateauS3: "2 PutObject",
	}}
	all := results{}
	all.add(tusdS3, figures{"l.create": 4, "n.rate": 0})
	all.add(plateauS3, figures{"l.create": 2, "n.rate": 0.97})
	text := page(b, all, check(all, floorsOnS3(false)), time.Now())
	for _, want := range []string{
		"| 4.00 ", "| 2.00 ", "| 0.50 ", "| 2 PutObject ", "--s3-bucket BUCKET --s3-endpoint http://127.0.0.1:S3", "--store s3",
		"throughput beside ten clients that stand still, of that alone | ≥ 0.9",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, not := range []string{"Inf", "NaN", "NOT met", "none ÷ tusd"} {
		if strings.Contains(text, not) {
			t.Errorf("the page has %q", not)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
