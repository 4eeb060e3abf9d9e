internal import CKernels
internal import ModelCore
internal import OneDNN

/// A tensor that steps multiply, and its copy of 16-bit numbers once a step has asked for one.
final class Factor {
  /// The layer that multiplies it.
  let layer: Node
  let form: Form
  let read: () -> UnsafePointer<Float>
  /// What it holds of the tensor: nothing of the caller's samples, or of what others hold.
  fileprivate var exact: Buffer?
  fileprivate var rounded: Buffer?

  fileprivate init(_ layer: Node, _ form: Form, _ read: @escaping () -> UnsafePointer<Float>) {
    (self.layer, self.form, self.read) = (layer, form, read)
  }
}

/// Where a step reads a factor.
enum Operand {
  /// The output of a node, which may be the caller's samples.
  case output(of: Node)
  case exact(Buffer, Form)
  case rounded(Buffer, Form)
}

/// Factors of 16 bits, made of 32-bit ones where a product gains by them.
extension PlanBuilder {
  /// What a step of a convolution multiplies.
  func factors(of step: ConvolutionStep, _ problem: ConvolutionProblem) -> Layout.Scalar {
    guard precision == .bfloat16 else { return .float32 }
    let share = (samples + Processor.threads - 1) / Processor.threads
    let operations = ConvolutionOperations(
      processor: processor, problem: problem, samples: share)
    return operations.rounds(step) ? .bfloat16 : .float32
  }

  /// A layer's input, for its forward step; the copy is made once for all who read it.
  func input(of node: Node, as scalar: Layout.Scalar) throws -> Operand {
    let input = node.inputs[0]
    guard scalar == .bfloat16 else { return .output(of: input) }
    let known = try roundedActivations[input] ?? round(node, floats(of: input), input.form)
    roundedActivations[input] = known
    return .rounded(known, input.form)
  }

  /// Keeps a layer's input for its weight gradient: the copy if that will do, so that the other
  /// can go.
  func holdInput(of node: Node, as scalar: Layout.Scalar) throws -> Factor {
    let input = node.inputs[0]
    let factor = Factor(node, input.form, try floats(of: input))
    guard trains else { return factor }
    if scalar == .bfloat16, let known = roundedActivations[input] {
      factor.rounded = known
    } else if !isCallersInput(input) {
      factor.exact = try activation(of: input)
    }
    for buffer in [factor.exact, factor.rounded].compactMap(\.self) { pool.hold(buffer) }
    return factor
  }

  /// What flows back into a layer; the caller's hold passes to the result.
  func change(of node: Node, _ incoming: Buffer) -> Factor {
    let pointer = UnsafePointer(incoming.pointer)
    let factor = Factor(node, node.form) { pointer }
    factor.exact = incoming
    return factor
  }

  func operand(_ factor: Factor, as scalar: Layout.Scalar) -> Operand {
    if scalar == .bfloat16 {
      let copy = factor.rounded ?? round(factor.layer, factor.read, factor.form)
      factor.rounded = copy
      return .rounded(copy, factor.form)
    }
    guard let exact = factor.exact else { return .output(of: factor.layer.inputs[0]) }
    return .exact(exact, factor.form)
  }

  func release(_ factor: Factor) {
    for buffer in [factor.exact, factor.rounded].compactMap(\.self) { pool.release(buffer) }
  }

  /// oneDNN's view of an operand's samples from `first` on.
  func memory(of operand: Operand, _ layout: Layout, from first: Int) throws -> Memory {
    switch operand {
    case .output(let node): return try memory(of: node, layout, from: first)
    case .exact(let buffer, let form):
      return try memory(at: buffer.pointer + form.elementCount(samples: first), layout)
    case .rounded(let buffer, let form):
      let offset = form.elementCount(samples: first) * MemoryLayout<UInt16>.stride
      return try Memory(
        layout, at: UnsafeMutableRawPointer(buffer.pointer) + offset, on: processor)
    }
  }

  /// A copy with one holder.
  private func round(
    _ node: Node, _ read: @escaping () -> UnsafePointer<Float>, _ form: Form
  ) -> Buffer {
    let count = elementCount(form)
    let buffer = pool.take((count + 1) / 2)
    let target = UnsafeMutableRawPointer(buffer.pointer)
    add(node, "round") { ck_to_bfloat16(target, read(), count) }
    return buffer
  }
}
