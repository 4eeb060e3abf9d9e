// The loops that oneDNN lacks: loss, optimizers, element-wise work, and the thread team they share with it.
#pragma once
