/** What each function is for, when a classical program is better, and examples of its use. */

export interface Example {
  label: string;
  /** What the fields of the form contain, as it would be typed. */
  typed: Record<string, string>;
}

export interface Purpose {
  use: string;
  classical: string;
  examples: Example[];
}

export const PURPOSES: Record<string, Purpose> = {
  amplitude_estimation: {
    use: "Use it to estimate a probability, such as a risk or an average, with fewer calls than random sampling needs.",
    classical: "On today's devices a classical simulation is faster and more exact.",
    examples: [
      { label: "Estimate a risk of 5 %", typed: { probability: "0.05" } },
      { label: "Count 3 winning tickets among 16", typed: { problem: "marked", qubits: "4", marked: "2, 7, 11" } },
    ],
  },
  bb84: {
    use: "Use it to see how two people agree on a secret key, and how an eavesdropper is noticed.",
    classical: "This is a demonstration: for real secrets use established encryption such as TLS.",
    examples: [
      { label: "Make a key without an eavesdropper", typed: {} },
      { label: "Make a key while Eve listens", typed: { eavesdropper: "true" } },
    ],
  },
  bell_state: {
    use: "Use it to test how well a device entangles two qubits.",
    classical: "A classical program computes the ideal result at once, but only a device shows its own quality.",
    examples: [
      { label: "Entangle two qubits that always agree", typed: {} },
      { label: "Entangle two qubits that always differ", typed: { state: "psi_minus" } },
    ],
  },
  bernstein_vazirani: {
    use: "Use it to see a quantum speed-up: all bits of a secret are read with one question.",
    classical: "In practice you would look at the secret itself; the question here is built from it.",
    examples: [
      { label: "Read a secret of 6 bits", typed: { secret: "101101" } },
      { label: "Read a secret of 16 bits", typed: { secret: "1011001110001101" } },
    ],
  },
  deutsch_jozsa: {
    use: "Use it to see the first known quantum speed-up: one question decides what may need many.",
    classical:
      "A few random questions answer it almost surely with a classical program, so there is no use in practice.",
    examples: [
      { label: "Test a balanced function", typed: { kind: "balanced", mask: "1101" } },
      { label: "Test a constant function", typed: { kind: "constant_1", input_bits: "4" } },
      { label: "Test your own truth table", typed: { kind: "truth_table", truth_table: "0110" } },
    ],
  },
  ghz_state: {
    use: "Use it to test how many qubits of a device can be entangled together.",
    classical: "A classical program computes the ideal result at once, but only a device shows its own quality.",
    examples: [
      { label: "Entangle 3 qubits", typed: { qubits: "3" } },
      { label: "Entangle 10 qubits", typed: { qubits: "10" } },
    ],
  },
  grover: {
    use:
      "Use it to find marked entries in an unsorted list with about the square root of the usual " +
      "number of questions.",
    classical: "For lists of this size, up to 256 entries, a classical program finds them at once.",
    examples: [
      { label: "Find entry 5 among 8", typed: { qubits: "3", marked: "5" } },
      { label: "Find 2 entries among 16", typed: { qubits: "4", marked: "3, 12" } },
    ],
  },
  phase_estimation: {
    use: "Use it to measure the angle of a gate; the same method finds energies of molecules and factors of numbers.",
    classical: "For a single gate a classical program computes the angle exactly.",
    examples: [
      { label: "Measure an angle of 0.3 turns", typed: { angle: "0.3" } },
      { label: "Measure an eighth of a turn", typed: { angle: "0.125", bits: "3" } },
    ],
  },
  qaoa_maxcut: {
    use: "Use it to split things that are connected into two groups, so that strongly connected ones are apart.",
    classical: "For graphs of up to 12 nodes a classical program tries all splits and is always exact.",
    examples: [
      {
        label: "Split these 8 servers into two racks",
        typed: {
          edges: "[[0,1,3],[0,4,1],[1,2,2],[1,5,1],[2,3,3],[2,6,1],[3,7,2],[4,5,2],[5,6,3],[6,7,1],[4,7,2]]",
        },
      },
      { label: "Split 5 people into two teams", typed: { edges: "[[0,1,1],[1,2,1],[2,3,1],[3,4,1],[4,0,1],[0,2,2]]" } },
    ],
  },
  quantum_fourier_transform: {
    use: "Use it to find what repeats in a quantum state; it is a part of factoring and of phase estimation.",
    classical: "For ordinary data the classical fast Fourier transform is better: it gives all values, not samples.",
    examples: [
      { label: "Find a period of 4", typed: { state: "periodic", period: "4" } },
      { label: "Find a period of 3", typed: { state: "periodic", qubits: "5", period: "3" } },
      { label: "Transform four numbers", typed: { state: "amplitudes", amplitudes: "1, 0, -1, 0" } },
    ],
  },
  quantum_kernel: {
    use: "Use it to compare data points for a support vector machine by the overlap of quantum states.",
    classical: "For most data a classical kernel is as accurate and much faster.",
    examples: [
      { label: "Compare 3 points", typed: { vectors: "[[0.4,1.2],[0.5,1.1],[2.4,0.3]]" } },
      { label: "Compare two groups of 2 points", typed: { vectors: "[[0.2,0.3],[0.3,0.2],[2.6,2.4],[2.4,2.7]]" } },
    ],
  },
  random_number: {
    use: "Use it to get random numbers from the measurement of qubits.",
    classical: "For games and statistics the random numbers of your computer are as good, and faster.",
    examples: [
      { label: "Roll a die 10 times", typed: {} },
      { label: "Draw 6 numbers from 1 to 49", typed: { count: "6", high: "49" } },
      { label: "Make a key of 32 bytes", typed: { kind: "bytes", count: "32" } },
    ],
  },
  run_openqasm: {
    use: "Use it to run a quantum program of your own.",
    classical: "Programs of up to about 25 qubits run faster on the simulator than on a device.",
    examples: [
      {
        label: "Entangle two qubits",
        typed: {
          program:
            'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n',
        },
      },
      {
        label: "Measure, then act on the result",
        typed: {
          program:
            'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\nh q[0];\nc[0] = measure q[0];\n' +
            "if (c[0]) { x q[1]; }\nc[1] = measure q[1];\n",
        },
      },
    ],
  },
  shor: {
    use: "Use it to see how a quantum computer factors numbers, which threatens today's encryption.",
    classical:
      "For numbers of this size, and for all that devices can handle today, a classical program is far better.",
    examples: [
      { label: "Factor 15", typed: { number: "15" } },
      { label: "Factor 21", typed: { number: "21" } },
    ],
  },
  simon: {
    use: "Use it to see an exponential quantum speed-up: a hidden pattern of bits is found with few questions.",
    classical: "The problem is made for this algorithm; there is no use for it in practice.",
    examples: [
      { label: "Find a secret of 4 bits", typed: { secret: "1101" } },
      { label: "Find a secret of 6 bits", typed: { secret: "101100" } },
    ],
  },
  smile_super_position: {
    use: "Use it to see superposition: two emoticons are stored in the same qubits at once.",
    classical: "It is a demonstration; a coin toss shows the same numbers.",
    examples: [
      { label: "Smile or frown", typed: { emoticon_1: ":)", emoticon_2: ":(" } },
      { label: "Smile or wink", typed: { emoticon_1: ":-)", emoticon_2: ";-)" } },
    ],
  },
  superdense_coding: {
    use: "Use it to see how one qubit carries two bits when the receiver already has its partner.",
    classical: "An ordinary network sends bits faster and without errors.",
    examples: [
      { label: "Send 8 bits by 4 qubits", typed: { message: "10110001" } },
      { label: "Send 2 bits by 1 qubit", typed: { message: "10" } },
    ],
  },
  teleportation: {
    use: "Use it to move the state of a qubit to another one; networks of quantum computers will need it.",
    classical: "A known state need not be moved: a classical program prepares it again at the other place.",
    examples: [
      { label: "Teleport a tilted state", typed: { theta: "1", phi: "0" } },
      { label: "Teleport equal parts of 0 and 1", typed: { theta: "1.5707963", phi: "1.5707963" } },
    ],
  },
  vqe: {
    use: "Use it to find the lowest energy of a small molecule or of another quantum system.",
    classical: "For up to 8 qubits, as here, a classical program gives the exact energy at once.",
    examples: [
      {
        label: "Find the energy of a hydrogen molecule",
        typed: {
          terms:
            '[["II",-1.052373245772859],["IZ",0.39793742484318045],["ZI",-0.39793742484318045],' +
            '["ZZ",-0.01128010425623538],["XX",0.18093119978423156]]',
        },
      },
      {
        label: "Find the ground state of 3 coupled magnets",
        typed: { terms: '[["ZZI",-1],["IZZ",-1],["XII",-0.5],["IXI",-0.5],["IIX",-0.5]]', layers: "2" },
      },
    ],
  },
};
