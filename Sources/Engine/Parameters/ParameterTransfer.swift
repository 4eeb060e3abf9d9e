internal import ModelCore
internal import OneDNN

extension ParameterStore {
  /// Replaces all weights and statistics.
  ///
  /// - Throws: `EngineError` when a weight is missing, unknown or of another shape; nothing has
  ///   changed then.
  func load(_ parameters: Parameters) throws {
    for slot in slots {
      let wanted = slot.specification
      guard let found = parameters[wanted.name] else {
        throw EngineError.missingParameter(wanted.name)
      }
      guard found.shape == wanted.shape else {
        throw EngineError.parameterShape(wanted.name, expected: wanted.shape, found: found.shape)
      }
    }
    if let unknown = parameters.all.first(where: { slot($0.name.layer, $0.name.role) == nil }) {
      throw EngineError.unknownParameter(unknown.name)
    }
    markChanged()
    for slot in slots {
      guard let values = parameters[slot.specification.name]?.values else { continue }
      try write(values, to: pointer(slot), slot)
    }
  }

  /// A copy in Keras's layout of what lies in `arena`, and of the statistics if they are given.
  func export(
    _ arena: FloatArena, statistics: FloatArena?
  ) throws -> Parameters {
    var result = Parameters()
    for slot in slots {
      let source = slot.specification.isTrainable ? arena : statistics
      guard let source else { continue }
      result.append(
        Parameter(
          name: slot.specification.name, shape: slot.specification.shape,
          values: try read(source.pointer(slot.offset), slot)))
    }
    return result
  }

  private func write(
    _ values: [Float], to target: UnsafeMutablePointer<Float>, _ slot: ParameterSlot
  ) throws {
    guard let layout = slot.layout, let plain = try slot.plainLayout() else {
      values.withUnsafeBufferPointer { source in
        for (index, value) in source.enumerated() { target[index] = value }
      }
      return
    }
    let staging = FloatArena(count: plain.byteCount / MemoryLayout<Float>.stride)
    slot.forEachPosition { keras, position in staging.floats[position] = values[keras] }
    try copy(from: staging.pointer(), plain, to: target, layout)
  }

  private func read(
    _ source: UnsafeMutablePointer<Float>, _ slot: ParameterSlot
  ) throws -> [Float] {
    let count = slot.specification.shape.elementCount
    guard let layout = slot.layout, let plain = try slot.plainLayout() else {
      return Array(UnsafeBufferPointer(start: source, count: count))
    }
    let staging = FloatArena(count: plain.byteCount / MemoryLayout<Float>.stride)
    try copy(from: source, layout, to: staging.pointer(), plain)
    return [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      slot.forEachPosition { keras, position in buffer[keras] = staging.floats[position] }
      filled = count
    }
  }

  private func copy(
    from source: UnsafeMutablePointer<Float>, _ sourceLayout: Layout,
    to target: UnsafeMutablePointer<Float>, _ targetLayout: Layout
  ) throws {
    let from = try Memory(sourceLayout, at: source, on: processor)
    let to = try Memory(targetLayout, at: target, on: processor)
    let reorder = try processor.reorder(from: from, to: to)
    let room = FloatArena(
      count: (reorder.scratchpad?.layout.byteCount ?? 0) / MemoryLayout<Float>.stride + 1)
    try reorder.scratchpad?.move(to: room.pointer())
    try reorder.execute()
  }
}

extension ParameterSlot {
  /// The kernel with its padding and without blocks: `[O, I]` or `[O, I, height, width]`.
  fileprivate func plainLayout() throws(OneDNNError) -> Layout? {
    switch order {
    case .vector: return nil
    case .dense(_, let inputs, let units): return try Layout([units, inputs], .io)
    case .convolution(let kernel):
      return try kernel.problem.weights(in: kernel.problem.groups > 1 ? .hwigo : .hwio)
    }
  }

  /// Calls `body` with every element's index in Keras's order and in `plainLayout`'s.
  fileprivate func forEachPosition(_ body: (_ keras: Int, _ position: Int) -> Void) {
    switch order {
    case .vector: break
    case .dense(let rows, _, let units):
      for (row, target) in rows.enumerated() {
        for unit in 0..<units { body(row * units + unit, Int(target) * units + unit) }
      }
    case .convolution(let kernel): kernel.forEachPosition(body)
    }
  }
}

extension KernelPadding {
  /// Both orders are window, inputs, groups, outputs from the outside in.
  fileprivate func forEachPosition(_ body: (_ keras: Int, _ position: Int) -> Void) {
    let (paddedInputs, paddedOutputs) = (
      problem.inputs / problem.groups, problem.outputs / problem.groups
    )
    for tap in 0..<taps {
      for input in 0..<inputs {
        for group in 0..<groups {
          let keras = ((tap * inputs + input) * groups + group) * outputs
          let position =
            ((tap * paddedInputs + input) * problem.groups + group) * paddedOutputs
          for output in 0..<outputs { body(keras + output, position + output) }
        }
      }
    }
  }
}
