#include "engine/base/undo.h"

namespace berth {

UndoStack::~UndoStack() {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) (*step)();
}

}  // namespace berth
