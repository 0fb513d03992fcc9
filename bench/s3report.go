package main

import "fmt"

func explanationOnS3(b *bench) string {
	const s3 = "127.0.0.1:S3"
	return fmt.Sprintf(`One versitygw v1.8.0 (its "posix" backend: a bucket is a folder, on the same disk) keeps the uploads of both; it runs with --keep-alive, on the
same machine, and takes most of its processor time, which "S3's CPU time" shows. Each run has a fresh bucket. Plateau also keeps, sends
and removes an event for each upload, which is part of its figures; its processor time is read when no event waits.

- **j**: one upload of %d MiB in one PATCH, as c.
- **k**: small uploads over 16 connections: %d of 4 KiB for each row, %d of 1.4 MB.
- **l**: calls of S3 that an upload takes until its last answer, counted by a proxy, one upload after the other where nothing else is said;
  nothing is timed. "For its event": what is listed and removed afterwards, for each upload.
- **m**: %d uploads, each of which sends %d bytes every %v for %d s. Memory is the most of the second half, less that of the fresh server.
  Temporary bytes are what files take on the disk of the server, also those without a name; Plateau has --spool-size %d MiB. Afterwards the
  connections are cut, and each upload must still have every byte that was sent.
- **n**: one upload of %d MiB beside ten that have sent from 1 to 19 MB of 64 MiB and stand still, and alone, in turn, over the same process: %d pairs.
  0: it did not finish. Of tusd's ten slots for sending parts each client has one while its part fills up, and so ten keep the rest waiting.

- tusd: %s
- Plateau: %s

%s`,
		b.scale(1024, 64), b.scale(1_500, 100), b.scale(500, 32), b.scale(500, 50), trickle, trickleEvery, b.scale(40, 2), spoolBudget>>20,
		b.scale(256, 32), b.scale(stalledPairs, 1),
		commandLine(tusdOnS3("tusd", s3)), commandLine(plateauOnS3("plateau", s3)), callsSpelled(b))
}

// callsSpelled says which calls there are in each row of l.
func callsSpelled(b *bench) string {
	lines := [][]string{{"l", tusdS3, plateauS3}}
	for _, r := range rows() {
		theirs, ours := b.spelled[r.key+" "+tusdS3], b.spelled[r.key+" "+plateauS3]
		if theirs != "" || ours != "" {
			lines = append(lines, []string{r.figure, theirs, ours})
		}
	}
	if len(lines) == 1 {
		return ""
	}
	return markdown(lines)
}
