#pragma once

namespace berth::confine {

// From now on this process ends when the other side of the socket kResultFd is closed. For tasks whose caller
// is no single thread: the signal of PR_SET_PDEATHSIG comes when the thread ends that started the process.
void end_with_caller();

}  // namespace berth::confine
