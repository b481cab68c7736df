// The tests mostly wait for servers, time-outs and other processes, so that more of them than processors can run in parallel.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4)]
