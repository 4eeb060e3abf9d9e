internal import CKernels
internal import ModelCore
internal import OneDNN

/// Convolutions by Winograd's method, which our own loops compute.
extension PlanBuilder {
  func buildWinogradForward(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ bias: ParameterSlot?,
    _ stored: Layout
  ) throws {
    let geometry = problem.winogradGeometry(samples: samples)
    let range = try weightsInUse(node, problem, kernel, bias, stored, as: stored).range
    let target = try convolutionOutput(node).pointer
    let source = try floats(of: node.inputs[0])
    let (adds, relu) = (Int32(problem.accumulates ? 1 : 0), Int32(problem.appliesReLU ? 1 : 0))
    // A ReLU lets a NaN through but makes a zero of a sum that overflowed to the other side.
    try boundSums(node, range, hidesNaN: node.appliesReLU)
    let room = pool.take(withUnsafePointer(to: geometry) { ck_winograd_room($0) })
    add(node, "forward") {
      withUnsafePointer(to: geometry) {
        ck_winograd_forward(
          target, source(), range.kernel, range.bias, adds, relu, $0, room.pointer)
      }
    }
    pool.release(room)
  }

  func buildWinogradData(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ change: Factor
  ) {
    let geometry = problem.winogradGeometry(samples: samples)
    let (incoming, outgoing) = (change.read, take(node.inputs[0].form))
    let (target, weights) = (outgoing.pointer, store.pointer(kernel))
    let room = pool.take(withUnsafePointer(to: geometry) { ck_winograd_room($0) })
    add(node, "backward data") {
      withUnsafePointer(to: geometry) {
        ck_winograd_backward_data(target, incoming(), weights, $0, room.pointer)
      }
    }
    pool.release(room)
    contribute(outgoing, to: node.inputs[0])
  }

  func buildWinogradWeights(
    _ node: Node, _ problem: ConvolutionProblem, _ kernel: ParameterSlot, _ bias: ParameterSlot?,
    _ source: Factor, _ change: Factor
  ) {
    let geometry = problem.winogradGeometry(samples: samples)
    let (source, incoming) = (source.read, change.read)
    writeGradient(of: kernel, node) { gradient in
      guard let gradient else { return }
      let room = pool.take(withUnsafePointer(to: geometry) { ck_winograd_weights_room($0) })
      add(node, "backward weights") {
        withUnsafePointer(to: geometry) {
          ck_winograd_backward_weights(gradient, source(), incoming(), $0, room.pointer)
        }
      }
      pool.release(room)
    }
    let (samples, form) = (samples, problem.destination)
    writeGradient(of: bias, node) { gradient in
      guard let gradient else { return }
      add(node, "bias gradient") {
        ck_bias_gradient(gradient, incoming(), samples, form.blocks, form.pixels, form.lanes)
      }
    }
  }
}

extension ConvolutionProblem {
  fileprivate func winogradGeometry(samples: Int) -> ck_winograd {
    ck_winograd(
      samples: samples, inputs: source.blocks, outputs: destination.blocks, height: source.height,
      width: source.width, out_height: destination.height, out_width: destination.width,
      top: geometry.paddingBefore[0], left: geometry.paddingBefore[1])
  }
}
