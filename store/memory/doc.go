// Package memory is a [store.Log] that lives in memory and ends with its process: for tests, trials and the first
// hour with the library. It keeps every part of the contract but durability, so a test that passes here says something
// about a service that runs on a file.
//
//	log := memory.New()
//	defer log.Close()
//
// What is kept are encoded frames, not the values that were handed in: a record that is read has been through the same
// bytes as on a disk, and nothing the caller does to a record afterwards can change it.
//
// [NewSealed] makes one with a seal, for tests of what is proven, and for tests of other engines: its tree is the
// definition of RFC 6962 and nothing else, computed over all records for each answer.
//
// Costs: an append and a read take some microseconds a record, nearly all of them for encoding. Heads looks at every
// order each time it is asked. Memory grows with the log and is given back only with the Log itself; a record takes its
// frame (some hundred bytes, plus kept evidence) and about 60 bytes more.
package memory
